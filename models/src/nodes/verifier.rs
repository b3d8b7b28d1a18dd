//! A verifier that follows the feed of one node, and then perhaps that of another.

use std::time::Duration;

use crate::protocol::{ClockRate, Entries, Tick};

/// A process that follows the feed. `models/src/protocol` has what a network does to its polls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verifier {
    clock: ClockRate,
    /// The poll that is not answered.
    pub poll: Option<Poll>,
    after: Option<u8>,
    known: Entries,
    fresh_until: Duration,
}

/// A poll on its way to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Poll {
    /// The node to which the load balancer sends it.
    pub node: usize,
    /// The position that it acknowledges.
    pub after: Option<u8>,
    sent_at: Tick,
}

/// The response of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The position up to which the node has every entry.
    pub head: u8,
    /// The entries that the verifier lacks.
    pub entries: Entries,
    /// The lease.
    pub lease: Duration,
}

impl Verifier {
    /// A process that has just started: it accepts nothing.
    pub fn start(clock: ClockRate) -> Self {
        Self { clock, poll: None, after: None, known: Entries::default(), fresh_until: Duration::ZERO }
    }

    /// Sends a poll, and gives up the one before.
    pub fn send(&mut self, node: usize, now: Tick) {
        self.poll = Some(Poll { node, after: self.after, sent_at: now });
    }

    /// Receives the answer to its poll.
    pub fn receive(&mut self, answer: &Answer) {
        let Some(poll) = self.poll.take() else { return };
        self.known = self.known.union(answer.entries);
        self.after = Some(answer.head);
        self.fresh_until = self.clock.at(poll.sent_at) + answer.lease;
    }

    /// Whether it accepts the credential that the entry at `position` revokes.
    pub fn accepts(&self, position: u8, now: Tick) -> bool {
        self.clock.at(now) < self.fresh_until && !self.known.contains(position)
    }

    /// Forgets a lease that has run out, which makes states equal that behave alike.
    pub fn forget_expired_lease(&mut self, now: Tick) {
        if self.fresh_until <= self.clock.at(now) {
            self.fresh_until = Duration::ZERO;
        }
    }
}
