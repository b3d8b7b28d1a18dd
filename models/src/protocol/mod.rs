//! A model of the feed in discrete time: an issuer that crashes, verifiers whose clocks run at different rates, and a
//! network that loses, delays, reorders and repeats messages.
//!
//! The model tries every order of events within its [`Bounds`]. What the issuer decides is decided by the functions of
//! `counterfoil_core::services::revocation_feed` that the server calls. [`Rule`] names what can be left out.

mod issuer;
mod message;
mod properties;
mod rule;
mod time;
mod verifier;

use stateright::{Model, Property};

pub use crate::protocol::issuer::Issuer;
pub use crate::protocol::message::{Entries, Message, Poll, Response, Sender};
pub use crate::protocol::properties::{
    ACCEPTED_AFTER_LEASE, ACCEPTED_AFTER_WAIT, CONFIRMED, EXPIRED, NOT_HEALED, OVERDUE_WAIT, PAGES,
};
pub use crate::protocol::rule::Rule;
pub use crate::protocol::time::{ClockRate, Tick};
pub use crate::protocol::verifier::Verifier;

/// The protocol within bounds, perhaps without one of its rules.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// How much happens.
    pub bounds: Bounds,
    /// The rule that is left out.
    pub removed: Option<Rule>,
}

/// How much happens at most.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The verifier processes. All of them use one key.
    pub verifiers: Vec<ClockRate>,
    /// How many tokens were revoked before the beginning, and are known to the verifiers if these start fresh.
    pub earlier_revocations: u8,
    /// How many tokens are revoked then.
    pub revocations: u8,
    /// How long it takes. A lease has four ticks.
    pub ticks: Tick,
    /// How many polls the verifiers send, together.
    pub polls: u8,
    /// Whether the verifiers are fresh at the beginning, by an earlier poll.
    pub starts_fresh: bool,
    /// How often the issuer crashes and starts.
    pub issuer_restarts: u8,
    /// How often verifiers crash and start, together.
    pub verifier_restarts: u8,
    /// How many messages are delivered a second time.
    pub duplicates: u8,
    /// Whether to check in each state that a verifier heals, which takes several times as long.
    pub checks_healing: bool,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the time is.
    pub now: Tick,
    /// The issuer with its store.
    pub issuer: Issuer,
    /// The verifiers.
    pub verifiers: Vec<Verifier>,
    /// The messages on their way, sorted.
    pub messages: Vec<Message>,
    /// The revocations that were published, in the order of their positions.
    pub revocations: Vec<Revocation>,
    polls: u8,
    issuer_restarts: u8,
    verifier_restarts: u8,
    duplicates: u8,
}

/// What the one who revoked was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// When a call without a wait returned.
    pub acknowledged_at: Tick,
    /// What a call with `"wait": "fleet"` has returned; `None` while it waits.
    pub in_force: Option<InForce>,
}

/// How a wait for the fleet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InForce {
    /// Whether a verifier has acknowledged the revocation.
    pub is_confirmed: bool,
    /// Whether the lease of a verifier had to run out.
    pub is_expired: bool,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// The issuer commits a revocation.
    Commit,
    /// The issuer publishes the committed revocation. A call without a wait returns.
    Publish,
    /// The issuer crashes and starts again.
    RestartIssuer,
    /// The issuer answers a poll that has arrived.
    Respond(usize),
    /// A verifier sends a poll.
    Send(usize),
    /// A verifier crashes and starts again.
    RestartVerifier(usize),
    /// A message arrives.
    Deliver(Message),
    /// A message arrives, and will arrive once more.
    DeliverAndRepeat(Message),
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let verifier = |(process, clock): (usize, &ClockRate)| {
            let process = u8::try_from(process).expect("there are few verifiers");
            Verifier::start(Sender { process, restarts: 0 }, *clock)
        };
        let mut state = State {
            now: 0,
            issuer: Issuer::start(),
            verifiers: self.bounds.verifiers.iter().enumerate().map(verifier).collect(),
            messages: Vec::new(),
            revocations: Vec::new(),
            polls: 0,
            issuer_restarts: 0,
            verifier_restarts: 0,
            duplicates: 0,
        };
        for _ in 0..self.bounds.earlier_revocations {
            state.issuer.committed += 1;
            state.publish();
            state.settle(self.removed);
        }
        if self.bounds.starts_fresh {
            (0..state.verifiers.len()).for_each(|index| state.poll_at_once(index, self.removed));
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let bounds = &self.bounds;
        if state.now < bounds.ticks {
            actions.push(Action::Tick);
        }
        if state.issuer.committed > state.issuer.published {
            actions.push(Action::Publish);
        } else if state.issuer.committed < bounds.earlier_revocations + bounds.revocations {
            actions.push(Action::Commit);
        }
        if state.issuer_restarts < bounds.issuer_restarts {
            actions.push(Action::RestartIssuer);
        }
        actions.extend((0..state.issuer.arrived_polls()).map(Action::Respond));
        for (index, verifier) in state.verifiers.iter().enumerate() {
            if state.polls < bounds.polls {
                actions.push(Action::Send(index));
            }
            if state.verifier_restarts < bounds.verifier_restarts && verifier.polls > 0 {
                actions.push(Action::RestartVerifier(index));
            }
        }
        actions.extend(state.messages.iter().copied().map(Action::Deliver));
        if state.duplicates < bounds.duplicates {
            actions.extend(state.messages.iter().copied().map(Action::DeliverAndRepeat));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let now = state.now;
        match action {
            Action::Tick => state.now += 1,
            Action::Commit => state.issuer.committed += 1,
            Action::Publish => state.publish(),
            Action::RestartIssuer => {
                state.issuer_restarts += 1;
                state.restart_issuer(self.removed);
            }
            Action::Respond(index) => {
                let response = state.issuer.respond(index, now, self.removed);
                state.messages.push(Message::Response(response));
            }
            Action::Send(index) => {
                state.polls += 1;
                let poll = state.verifiers[index].send(now);
                state.messages.push(Message::Poll(poll));
            }
            Action::RestartVerifier(index) => {
                state.verifier_restarts += 1;
                state.verifiers[index] = state.verifiers[index].restart();
            }
            Action::Deliver(message) => {
                state.messages.retain(|other| *other != message);
                state.deliver(message, self.removed);
            }
            Action::DeliverAndRepeat(message) => {
                state.duplicates += 1;
                state.deliver(message, self.removed);
            }
        }
        state.settle(self.removed);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(&self.bounds)
    }
}

impl State {
    fn publish(&mut self) {
        self.issuer.publish(self.now);
        self.revocations.push(Revocation { acknowledged_at: self.now, in_force: None });
    }

    /// What was committed but not published is published at the start. Its caller got an error, and may hear of it later.
    fn restart_issuer(&mut self, removed: Option<Rule>) {
        self.issuer = self.issuer.restart(self.now, removed);
        if self.revocations.len() < self.issuer.published.into() {
            self.revocations.push(Revocation { acknowledged_at: self.now, in_force: None });
        }
    }

    /// A verifier polls and has the response at once.
    fn poll_at_once(&mut self, index: usize, removed: Option<Rule>) {
        let poll = self.verifiers[index].send(self.now);
        // The polls that arrived before are answered first; their responses are lost.
        let earlier = self.issuer.arrived_polls();
        self.issuer.arrive(poll, self.now, removed);
        for _ in 0..earlier {
            self.issuer.respond(0, self.now, removed);
        }
        let response = self.issuer.respond(0, self.now, removed);
        self.verifiers[index].receive(&response, self.now, removed);
    }

    fn deliver(&mut self, message: Message, removed: Option<Rule>) {
        match message {
            Message::Poll(poll) => self.issuer.arrive(poll, self.now, removed),
            Message::Response(response) => {
                let verifier = &mut self.verifiers[usize::from(response.to.process)];
                if verifier.expects(&response, removed) {
                    verifier.receive(&response, self.now, removed);
                }
            }
        }
    }

    /// Ends the waits that are over: the sooner, the more a verifier can do wrong. Forgets what has no effect any more.
    fn settle(&mut self, removed: Option<Rule>) {
        for (position, in_force) in self.issuer.end_waits(self.now) {
            self.revocations[usize::from(position) - 1].in_force = Some(in_force);
        }
        let verifiers = &mut self.verifiers;
        verifiers.iter_mut().for_each(|verifier| verifier.forget_expired_lease(self.now));
        self.messages.retain(|message| match message {
            Message::Poll(_) => true,
            Message::Response(response) => {
                verifiers[usize::from(response.to.process)].expects(response, removed)
            }
        });
        self.messages.sort_unstable();
        self.messages.dedup();
    }
}
