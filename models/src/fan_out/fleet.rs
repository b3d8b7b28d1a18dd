//! The nodes and the verifiers of a run.

use std::time::Duration;

use counterfoil_core::services::revocation_feed::next_slot;

use crate::fan_out::event::{Event, Events};
use crate::fan_out::outcome::Outcome;
use crate::fan_out::parameters::Parameters;
use crate::simulation::random::Random;

/// A node: what it knows, and until when its cores are busy.
#[derive(Debug, Clone)]
struct Node {
    known: usize,
    cores_busy_until: Vec<Duration>,
    waiting: Vec<usize>,
}

/// A verifier, and its poll.
#[derive(Debug, Clone, Default)]
struct Verifier {
    known: usize,
    poll: u64,
    waits: bool,
    paced_until: Duration,
}

/// All of them, and what was published.
pub(super) struct Fleet<'a> {
    parameters: &'a Parameters,
    random: Random,
    events: Events,
    nodes: Vec<Node>,
    verifiers: Vec<Verifier>,
    published: Vec<Duration>,
    /// For each revocation, how many verifiers do not know it.
    unaware: Vec<usize>,
    delays: Vec<Duration>,
    /// Since the first revocation could be published.
    responses: u64,
    last_response: Duration,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Self {
        let node =
            Node { known: 0, cores_busy_until: vec![Duration::ZERO; parameters.cores], waiting: Vec::new() };
        let mut fleet = Self {
            parameters,
            random: Random::new(parameters.seed),
            events: Events::default(),
            nodes: vec![node; parameters.nodes],
            verifiers: vec![Verifier::default(); parameters.verifiers],
            published: Vec::new(),
            unaware: Vec::new(),
            delays: Vec::new(),
            responses: 0,
            last_response: Duration::ZERO,
        };
        fleet.publish_all();
        for verifier in 0..parameters.verifiers {
            let at = fleet.between((Duration::ZERO, parameters.lease / 3));
            fleet.events.insert(at, Event::PollServed { verifier });
        }
        fleet
    }

    /// Decides when each revocation is committed, and when each node has read it. They begin after a lease, when the polls
    /// of the verifiers are spread evenly, and the figures too.
    fn publish_all(&mut self) {
        let count = self.parameters.revocations_per_second * self.parameters.duration.as_secs();
        let start = self.parameters.lease;
        self.published =
            (0..count).map(|_| start + self.between((Duration::ZERO, self.parameters.duration))).collect();
        self.published.sort_unstable();
        self.unaware = vec![self.parameters.verifiers; self.published.len()];
        for index in 0..self.published.len() {
            for node in 0..self.parameters.nodes {
                let at = self.published[index] + self.between(self.parameters.node_delay);
                self.events.insert(at, Event::LogRead { node, known: index + 1 });
            }
        }
    }

    fn between(&mut self, (shortest, longest): (Duration, Duration)) -> Duration {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.between(nanos(shortest), nanos(longest)))
    }

    pub(super) fn run(mut self) -> Outcome {
        while self.delays.len() < self.published.len()
            && let Some((now, event)) = self.events.next()
        {
            self.handle(now, event);
        }
        let elapsed = self.last_response.saturating_sub(self.parameters.lease);
        let busy = self.parameters.response_cost.as_secs_f64() * self.responses as f64
            / (elapsed.as_secs_f64() * (self.parameters.nodes * self.parameters.cores) as f64);
        Outcome::new(self.delays, self.responses, elapsed, self.parameters.nodes, busy)
    }

    fn handle(&mut self, now: Duration, event: Event) {
        match event {
            Event::LogRead { node, known } => {
                self.nodes[node].known = self.nodes[node].known.max(known);
                for verifier in std::mem::take(&mut self.nodes[node].waiting) {
                    if self.verifiers[verifier].waits {
                        self.respond(now, verifier);
                    }
                }
            }
            Event::PollServed { verifier } => {
                let node = self.node_of(verifier);
                if self.verifiers[verifier].known < self.nodes[node].known {
                    self.respond(now, verifier);
                } else {
                    self.verifiers[verifier].waits = true;
                    self.nodes[node].waiting.push(verifier);
                    let poll = self.verifiers[verifier].poll;
                    self.events.insert(now + self.parameters.lease / 3, Event::WaitOver { verifier, poll });
                }
            }
            Event::WaitOver { verifier, poll } => {
                if self.verifiers[verifier].waits && self.verifiers[verifier].poll == poll {
                    let node = self.node_of(verifier);
                    self.nodes[node].waiting.retain(|waiting| *waiting != verifier);
                    self.respond(now, verifier);
                }
            }
            Event::ResponseBegins { verifier } => {
                if now >= self.parameters.lease {
                    self.responses += 1;
                    self.last_response = now;
                }
                let known = self.nodes[self.node_of(verifier)].known;
                let at = now + self.parameters.response_cost + self.between(self.parameters.network_delay);
                self.events.insert(at, Event::ResponseReceived { verifier, known });
            }
            Event::ResponseReceived { verifier, known } => self.receive(now, verifier, known),
        }
    }

    fn node_of(&self, verifier: usize) -> usize {
        verifier % self.parameters.nodes
    }

    /// Gives the poll to the core that is free first.
    fn respond(&mut self, now: Duration, verifier: usize) {
        self.verifiers[verifier].waits = false;
        self.verifiers[verifier].poll += 1;
        let node = self.node_of(verifier);
        if let Some(core) = self.nodes[node].cores_busy_until.iter_mut().min() {
            let begins = now.max(*core);
            *core = begins + self.parameters.response_cost;
            self.events.insert(begins, Event::ResponseBegins { verifier });
        }
    }

    fn receive(&mut self, now: Duration, verifier: usize, known: usize) {
        for revocation in self.verifiers[verifier].known..known {
            self.unaware[revocation] -= 1;
            if self.unaware[revocation] == 0 {
                self.delays.push(now - self.published[revocation]);
            }
        }
        self.verifiers[verifier].known = known.max(self.verifiers[verifier].known);
        let arrives = now + self.between(self.parameters.network_delay);
        let limit = self.parameters.polls_per_instance;
        let (slot, paced_until) = next_slot(self.verifiers[verifier].paced_until, limit, arrives);
        self.verifiers[verifier].paced_until = paced_until;
        self.events.insert(slot, Event::PollServed { verifier });
    }
}
