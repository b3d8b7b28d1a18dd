//! A verifier process: polls, merges the entries, and counts its lease by its own clock.

use std::time::Duration;

use crate::protocol::message::{Entries, Poll, Response, Sender};
use crate::protocol::rule::Rule;
use crate::protocol::time::{ClockRate, LEASE, Tick};

/// A process that follows the feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verifier {
    /// The instance that it is.
    pub sender: Sender,
    /// How fast its clock runs.
    pub clock: ClockRate,
    /// The number of its last poll.
    pub polls: u8,
    /// When it sent that poll.
    sent_at: Tick,
    /// Whether it waits for the response.
    is_waiting: bool,
    /// The position up to which it has every entry.
    after: Option<u8>,
    /// What it holds.
    known: Entries,
    /// Until when it accepts credentials, by its clock.
    fresh_until: Duration,
}

impl Verifier {
    /// A process that has just started: it knows nothing and accepts nothing.
    pub fn start(sender: Sender, clock: ClockRate) -> Self {
        Self {
            sender,
            clock,
            polls: 0,
            sent_at: 0,
            is_waiting: false,
            after: None,
            known: Entries::default(),
            fresh_until: Duration::ZERO,
        }
    }

    /// The same process after a crash and a restart.
    pub fn restart(&self) -> Self {
        let sender = Sender { restarts: self.sender.restarts + 1, ..self.sender };
        Self::start(sender, self.clock)
    }

    /// Sends the next poll. It gives up the one that it may wait for.
    pub fn send(&mut self, now: Tick) -> Poll {
        self.polls += 1;
        self.sent_at = now;
        self.is_waiting = true;
        Poll { sender: self.sender, number: self.polls, after: self.after }
    }

    /// Whether it would use this response.
    pub fn expects(&self, response: &Response, removed: Option<Rule>) -> bool {
        if removed == Some(Rule::OwnResponsesOnly) {
            return response.to == self.sender;
        }
        self.is_waiting && response.to == self.sender && response.number == self.polls
    }

    /// Receives a response that it [expects](Self::expects).
    pub fn receive(&mut self, response: &Response, now: Tick, removed: Option<Rule>) {
        self.is_waiting = false;
        let replaces = removed == Some(Rule::MergeOfSnapshots) && response.is_snapshot;
        self.known = if replaces { response.entries } else { self.known.union(response.entries) };
        self.after = Some(response.next);
        if response.next == response.head || removed == Some(Rule::CompleteResponsesOnly) {
            let from = if removed == Some(Rule::LeaseFromSending) { now } else { self.sent_at };
            self.fresh_until = self.clock.at(from) + LEASE;
        }
    }

    /// Forgets a lease that has run out, which makes states equal that behave alike.
    pub fn forget_expired_lease(&mut self, now: Tick) {
        if !self.is_fresh(now) {
            self.fresh_until = Duration::ZERO;
        }
    }

    /// Whether it accepts credentials that it does not know to be revoked.
    pub fn is_fresh(&self, now: Tick) -> bool {
        self.clock.at(now) < self.fresh_until
    }

    /// Whether it accepts the credential that the entry at `position` revokes.
    pub fn accepts(&self, position: u8, now: Tick) -> bool {
        self.is_fresh(now) && !self.known.contains(position)
    }

    /// Whether it has every entry up to `position`.
    pub fn has_all(&self, position: u8) -> bool {
        (1..=position).all(|position| self.known.contains(position))
    }
}
