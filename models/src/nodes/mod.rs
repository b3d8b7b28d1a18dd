//! A model of several nodes on one store, in discrete time.
//!
//! A node is a process of the server: it joins with a row of its own, renews its lease, follows the log, accepts credentials from memory
//! and answers verifiers. A verifier may change between nodes. An observer waits for the fleet, and another one removes
//! rows of dead nodes. Each of them may stand still between any two steps, for any time: that is a node that lags, is stopped
//! (`SIGSTOP`), is dead, or has lost its notifications. [`Rule`] names what can be left out.

mod node;
mod observer;
mod properties;
mod rule;
mod store;
mod time;
mod verifier;

use std::time::Duration;

use stateright::{Model, Property};

pub use crate::nodes::node::Node;
pub use crate::nodes::observer::{InForce, Observer};
pub use crate::nodes::properties::{
    ACCEPTED_AFTER_LEASES, ACCEPTED_AFTER_WAIT, ACCEPTED_FROM_MEMORY, CONFIRMED, EXPIRED, MIXED, ROW_REMOVED,
};
pub use crate::nodes::rule::Rule;
pub use crate::nodes::store::{Row, RowId, Store};
pub use crate::nodes::time::{LEASE, LONG_LEASE};
pub use crate::nodes::verifier::{Answer, Poll, Verifier};
use crate::protocol::{ClockRate, Tick};

/// The protocol of several nodes within bounds, perhaps without one of its rules.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// How much happens.
    pub bounds: Bounds,
    /// The rule that is left out.
    pub removed: Option<Rule>,
}

/// How much happens at most.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The nodes, with the leases that they give to verifiers. They have joined.
    pub nodes: Vec<(ClockRate, Duration)>,
    /// The verifiers. At first they know nothing.
    pub verifiers: Vec<ClockRate>,
    /// How many credentials are revoked.
    pub revocations: u8,
    /// How long it takes.
    pub ticks: Tick,
    /// How many renewals the nodes begin, together. To join is one.
    pub renewals: u8,
    /// How often nodes read the log between renewals, together.
    pub reads: u8,
    /// How many polls the verifiers send, together.
    pub polls: u8,
    /// How often nodes are killed and start again, together.
    pub restarts: u8,
    /// Whether rows of dead nodes are removed.
    pub removes_rows: bool,
    /// Whether the standby of the store becomes the primary.
    pub promotes_standby: bool,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the time is.
    pub now: Tick,
    /// The store, as its primary has it.
    pub store: Store,
    /// A former primary to which some nodes are connected.
    pub old_primary: Option<Store>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The verifiers.
    pub verifiers: Vec<Verifier>,
    /// The one who revokes, and waits for the fleet.
    pub publisher: Observer,
    /// The one who removes rows.
    pub remover: Observer,
    /// The row that the remover has found to be dead, if it does not check that again.
    found_dead: Option<RowId>,
    /// The revocations that are committed.
    pub revocations: Vec<Revocation>,
    /// Whether a row was removed.
    pub has_removed_row: bool,
    used: Used,
}

/// What was told to the one who revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// Its position in the log.
    pub position: u8,
    /// When it was committed. A call without a wait returns then.
    pub committed_at: Tick,
    /// How the wait for the fleet has ended; `None` while it lasts.
    pub in_force: Option<InForce>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Used {
    renewals: u8,
    reads: u8,
    polls: u8,
    restarts: u8,
}

/// An event. A node and a verifier are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// A node begins to renew its lease, or to join.
    BeginRenewal(usize),
    /// The next step of a renewal is done: its counter is committed, or it has read the log.
    ContinueRenewal(usize),
    /// A node reads the log, because of a notification or of time that has passed.
    ReadLog(usize),
    /// A node applies what a notification says.
    ApplyNotification(usize, u8),
    /// A node is killed and starts again.
    Restart(usize),
    /// A node stops and removes its row.
    Stop(usize),
    /// A verifier sends a poll to a node.
    Send(usize, usize),
    /// The node answers it, and the verifier receives the answer.
    Answer(usize),
    /// A revocation is committed.
    Revoke,
    /// A transaction that revokes draws its position.
    Draw,
    /// The transaction that drew this position is committed.
    Commit(u8),
    /// The publisher sends a query for the rows.
    BeginReadRows,
    /// The publisher reads the rows.
    ReadRows,
    /// The publisher decides by the rows that it has read before.
    Decide,
    /// The remover reads the rows.
    ReadRowsOfDead,
    /// The remover removes a row whose leases have run out.
    RemoveRow(RowId),
    /// The standby becomes the primary. Nodes are connected to the former one.
    PromoteStandby,
    /// A node connects to the new primary.
    Reconnect(usize),
}

impl Model for Nodes {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let verifiers = self.bounds.verifiers.iter();
        let count = verifiers.len();
        let nodes = self.bounds.nodes.iter();
        let mut state = State {
            now: 0,
            store: Store::default(),
            old_primary: None,
            nodes: nodes.map(|(clock, promise)| Node::start(*clock, *promise, count)).collect(),
            verifiers: verifiers.map(|clock| Verifier::start(*clock)).collect(),
            publisher: Observer::default(),
            remover: Observer::default(),
            found_dead: None,
            revocations: Vec::new(),
            has_removed_row: false,
            used: Used::default(),
        };
        for node in &mut state.nodes {
            node.begin_renewal(0);
            while node.can_continue(self.removed) {
                node.continue_renewal(&mut state.store, 0, self.removed);
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let (bounds, used) = (&self.bounds, &state.used);
        if state.now < bounds.ticks {
            actions.push(Action::Tick);
        }
        for (index, node) in state.nodes.iter().enumerate() {
            if used.renewals < bounds.renewals {
                actions.push(Action::BeginRenewal(index));
            }
            if node.can_continue(self.removed) {
                actions.push(Action::ContinueRenewal(index));
            }
            if used.reads < bounds.reads && node.has_row() {
                self.read_actions(state, index, actions);
            }
            if used.restarts < bounds.restarts && node.has_row() {
                actions.push(Action::Restart(index));
                actions.extend((self.removed == Some(Rule::RowAfterStop)).then_some(Action::Stop(index)));
            }
            if node.is_on_old_primary {
                actions.push(Action::Reconnect(index));
            }
        }
        for (index, verifier) in state.verifiers.iter().enumerate() {
            if used.polls < bounds.polls {
                actions.extend((0..state.nodes.len()).map(|node| Action::Send(index, node)));
            }
            if verifier.poll.is_some_and(|poll| state.nodes[poll.node].answers(state.now, self.removed)) {
                actions.push(Action::Answer(index));
            }
        }
        self.publisher_actions(state, actions);
        if bounds.removes_rows {
            actions.push(Action::ReadRowsOfDead);
            if self.removed == Some(Rule::ConditionalRemoval) {
                actions.extend(state.found_dead.map(Action::RemoveRow));
            } else {
                let expired = state.remover.expired(state.now, self.removed);
                actions.extend(expired.map(|(id, _)| Action::RemoveRow(id)));
            }
        }
        if bounds.promotes_standby && state.old_primary.is_none() {
            actions.push(Action::PromoteStandby);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.act(action, self.removed);
        state.forget(&self.bounds);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(&self.bounds)
    }
}

impl Nodes {
    fn read_actions(&self, state: &State, index: usize, actions: &mut Vec<Action>) {
        actions.push(Action::ReadLog(index));
        if self.removed == Some(Rule::NotificationsWake) {
            let positions = state.revocations.iter().map(|revocation| revocation.position);
            actions.extend(positions.map(|position| Action::ApplyNotification(index, position)));
        }
    }

    fn publisher_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.store.drawn < self.bounds.revocations {
            actions.push(match self.removed {
                Some(Rule::PositionUnderLock) => Action::Draw,
                _ => Action::Revoke,
            });
        }
        let drawn = 1..=state.store.drawn;
        actions.extend(drawn.filter(|position| !state.store.log.contains(*position)).map(Action::Commit));
        actions.push(Action::ReadRows);
        if self.removed == Some(Rule::ClockAfterRead) && state.publisher.reading_since.is_none() {
            actions.push(Action::BeginReadRows);
        }
        if self.removed == Some(Rule::RowsAfterCommit) {
            actions.push(Action::Decide);
        }
    }
}

impl State {
    fn act(&mut self, action: Action, removed: Option<Rule>) {
        let now = self.now;
        match action {
            Action::Tick => self.now += 1,
            Action::BeginRenewal(index) => {
                self.used.renewals += 1;
                self.nodes[index].begin_renewal(now);
            }
            Action::ContinueRenewal(index) => {
                let (node, store) = self.connection(index);
                node.continue_renewal(store, now, removed);
            }
            Action::ReadLog(index) => {
                self.used.reads += 1;
                let (node, store) = self.connection(index);
                node.read_log(store, now, removed);
            }
            Action::ApplyNotification(index, position) => {
                self.used.reads += 1;
                self.nodes[index].apply_notification(position);
            }
            Action::Restart(index) => {
                self.used.restarts += 1;
                self.nodes[index] = self.nodes[index].restart(removed);
            }
            Action::Stop(index) => {
                self.used.restarts += 1;
                self.nodes[index].stop(&mut self.store);
            }
            Action::Send(index, node) => {
                self.used.polls += 1;
                self.verifiers[index].send(node, now);
            }
            Action::Answer(index) => self.answer(index),
            Action::Revoke => {
                let position = self.store.revoke();
                self.committed(position);
            }
            Action::Draw => {
                self.store.draw();
            }
            Action::Commit(position) => {
                self.store.commit(position);
                self.committed(position);
            }
            Action::BeginReadRows => self.publisher.reading_since = Some(now),
            Action::ReadRows => {
                self.publisher.read(&self.store, now);
                self.decide(removed);
            }
            Action::Decide => self.decide(removed),
            Action::ReadRowsOfDead => {
                self.remover.read(&self.store, now);
                self.found_dead = match removed {
                    Some(Rule::ConditionalRemoval) => {
                        self.remover.expired(now, removed).map(|it| it.0).next()
                    }
                    _ => None,
                };
            }
            Action::RemoveRow(id) => self.remove_row(id, removed),
            Action::PromoteStandby => {
                self.old_primary = Some(self.store.clone());
                self.nodes.iter_mut().for_each(|node| node.is_on_old_primary = true);
            }
            Action::Reconnect(index) => self.nodes[index].is_on_old_primary = false,
        }
    }

    /// A node, and the store to which it is connected.
    fn connection(&mut self, index: usize) -> (&mut Node, &mut Store) {
        let node = &mut self.nodes[index];
        match &mut self.old_primary {
            Some(old) if node.is_on_old_primary => (node, old),
            _ => (node, &mut self.store),
        }
    }

    fn answer(&mut self, index: usize) {
        let verifier = &mut self.verifiers[index];
        if let Some(poll) = verifier.poll {
            let answer = self.nodes[poll.node].answer(index, &poll, self.now);
            verifier.receive(&answer);
        }
    }

    fn committed(&mut self, position: u8) {
        self.revocations.push(Revocation { position, committed_at: self.now, in_force: None });
    }

    fn decide(&mut self, removed: Option<Rule>) {
        for revocation in self.revocations.iter_mut().filter(|it| it.in_force.is_none()) {
            revocation.in_force = self.publisher.is_in_force(revocation.position, self.now, removed);
        }
    }

    /// Removes the row if its counter is still the one that was seen.
    fn remove_row(&mut self, id: RowId, removed: Option<Rule>) {
        let seen = self.remover.expired(self.now, removed).find(|it| it.0 == id);
        let unchanged = self.store.row(id).is_some_and(|row| seen == Some((id, row.counter)));
        if unchanged || removed == Some(Rule::ConditionalRemoval) {
            self.store.remove(id);
            self.has_removed_row = true;
        }
        self.found_dead = None;
    }

    /// Forgets what has no effect any more.
    fn forget(&mut self, bounds: &Bounds) {
        let now = self.now;
        self.nodes.iter_mut().for_each(|node| node.forget_expired_leases(now));
        self.verifiers.iter_mut().for_each(|verifier| verifier.forget_expired_lease(now));
        self.publisher.forget_long_ago(now);
        self.remover.forget_long_ago(now);
        let over = self.revocations.iter().filter(|revocation| revocation.in_force.is_some()).count();
        if over == usize::from(bounds.revocations) {
            self.publisher = Observer::default();
        }
    }
}
