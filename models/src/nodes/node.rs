//! A node: follows the log of the store under a lease, accepts credentials from memory, and answers verifiers.

use std::time::Duration;

use counterfoil_core::services::revocation_feed::issuer_lease;

use crate::nodes::rule::Rule;
use crate::nodes::store::{RowId, Store};
use crate::nodes::time::{LEASE, NODE_LEASE};
use crate::nodes::verifier::{Answer, Poll};
use crate::protocol::{ClockRate, Entries, Tick};

/// A process of the server. It may stand still at any time: the checker tries orders in which it does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// How fast its clock runs.
    pub clock: ClockRate,
    /// Whether its connections lead to a former primary.
    pub is_on_old_primary: bool,
    /// The lease that it gives to verifiers.
    promise: Duration,
    /// Its row. `None`: it has not joined.
    row: Option<RowId>,
    /// The entries that all its threads see.
    known: Entries,
    /// The position up to which it has every entry.
    applied: u8,
    /// Until when its own lease runs, by its clock.
    fresh_until: Duration,
    renewal: Option<Renewal>,
    /// What it knows of each verifier.
    verifiers: Vec<VerifierLease>,
}

/// A renewal in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Renewal {
    began: Tick,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// Nothing is done.
    Begun,
    /// The counter, or the new row, is committed.
    Counted,
    /// The log was read before that: only without the rule.
    ReadFirst { log: Entries },
    /// The entries were read, and the head will be read later: only without the rule.
    EntriesRead { log: Entries },
}

/// The lease of a verifier, as the node counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct VerifierLease {
    until: Duration,
    acknowledged: u8,
}

impl Node {
    /// A process that has just started.
    pub fn start(clock: ClockRate, promise: Duration, verifiers: usize) -> Self {
        Self {
            clock,
            is_on_old_primary: false,
            promise,
            row: None,
            known: Entries::default(),
            applied: 0,
            fresh_until: Duration::ZERO,
            renewal: None,
            verifiers: vec![VerifierLease::default(); verifiers],
        }
    }

    /// The process after a kill and a start: it knows nothing.
    pub fn restart(&self, removed: Option<Rule>) -> Self {
        let row = if removed == Some(Rule::RowOfProcess) { self.row } else { None };
        Self { row, ..Self::start(self.clock, self.promise, self.verifiers.len()) }
    }

    /// Stops, after the last answer.
    pub fn stop(&mut self, store: &mut Store) {
        self.row.into_iter().for_each(|id| store.remove(id));
        *self = Self::start(self.clock, self.promise, self.verifiers.len());
    }

    /// Whether it has joined.
    pub fn has_row(&self) -> bool {
        self.row.is_some()
    }

    /// Begins to join, or to renew its lease.
    pub fn begin_renewal(&mut self, now: Tick) {
        self.renewal = Some(Renewal { began: now, step: Step::Begun });
    }

    /// Whether the next step of a renewal is possible. A commit waits for the standby: on a former primary for ever.
    pub fn can_continue(&self, removed: Option<Rule>) -> bool {
        let Some(renewal) = self.renewal else { return false };
        let commits = match renewal.step {
            Step::Begun => !self.reads_first(removed),
            Step::ReadFirst { .. } => true,
            Step::Counted | Step::EntriesRead { .. } => false,
        };
        !(commits && self.is_on_old_primary && removed != Some(Rule::ReplicatedRenewal))
    }

    fn reads_first(&self, removed: Option<Rule>) -> bool {
        match removed {
            Some(Rule::LogAfterCounter) => self.has_row(),
            Some(Rule::RowBeforeLog) => !self.has_row(),
            _ => false,
        }
    }

    /// The next step of the renewal.
    pub fn continue_renewal(&mut self, store: &mut Store, now: Tick, removed: Option<Rule>) {
        let Some(Renewal { began, step }) = self.renewal.take() else { return };
        let from = if removed == Some(Rule::LeaseFromBegin) { now } else { began };
        let next = match step {
            Step::Begun if self.reads_first(removed) => Step::ReadFirst { log: store.log },
            Step::Begun => {
                if self.count(store, now, removed).is_none() {
                    return;
                }
                Step::Counted
            }
            Step::ReadFirst { log } => {
                if self.count(store, now, removed).is_some() {
                    self.apply(log, log.head());
                    self.prolong(from);
                }
                return;
            }
            Step::Counted if removed == Some(Rule::OneSnapshot) => Step::EntriesRead { log: store.log },
            Step::Counted => {
                self.apply(store.log, store.log.head());
                return self.prolong(from);
            }
            Step::EntriesRead { log } => {
                self.apply(log, store.log.head());
                return self.prolong(from);
            }
        };
        self.renewal = Some(Renewal { began, step: next });
    }

    /// Commits the counter, with the position that is in force, or the new row. `None`: the row was removed, and the process joins
    /// again as a new one.
    fn count(&mut self, store: &mut Store, now: Tick, removed: Option<Rule>) -> Option<()> {
        let in_force = match removed {
            Some(Rule::ReportAfterVisible) => store.log.head(),
            Some(Rule::ReportOfVerifiers) => self.applied,
            _ => self.in_force(now),
        };
        let Some(id) = self.row else {
            let is_late = removed == Some(Rule::PromiseBeforeAnswer);
            self.row = Some(store.insert(0, if is_late { LEASE } else { self.promise }));
            return Some(());
        };
        let renewed = store.renew(id, in_force);
        if renewed.is_none() {
            *self = self.restart(None);
        }
        renewed
    }

    /// Every entry up to `head` is known with these.
    fn apply(&mut self, log: Entries, head: u8) {
        self.known = self.known.union(log.after(self.applied));
        self.applied = self.applied.max(head);
    }

    fn prolong(&mut self, from: Tick) {
        self.fresh_until = self.fresh_until.max(self.clock.at(from) + NODE_LEASE);
    }

    /// Reads the log, because of a notification or of time that has passed.
    pub fn read_log(&mut self, store: &Store, now: Tick, removed: Option<Rule>) {
        self.apply(store.log, store.log.head());
        if removed == Some(Rule::LeaseByRenewal) && self.has_row() {
            self.prolong(now);
        }
    }

    /// Applies what a notification says: only without the rule.
    pub fn apply_notification(&mut self, position: u8) {
        self.known = self.known.union(Entries::at(position));
        self.applied = self.applied.max(position);
    }

    /// The position that the node and all verifiers with a lease from it have.
    fn in_force(&self, now: Tick) -> u8 {
        let leased = self.verifiers.iter().filter(|verifier| self.clock.at(now) < verifier.until);
        leased.map(|verifier| verifier.acknowledged).fold(self.applied, u8::min)
    }

    /// Whether its lease runs.
    pub fn is_fresh(&self, now: Tick) -> bool {
        self.has_row() && self.clock.at(now) < self.fresh_until
    }

    /// Whether it answers polls.
    pub fn answers(&self, now: Tick, removed: Option<Rule>) -> bool {
        self.is_fresh(now) || (removed == Some(Rule::LeaseForPolls) && self.has_served())
    }

    /// Records the lease of a verifier, and answers its poll.
    pub fn answer(&mut self, verifier: usize, poll: &Poll, now: Tick) -> Answer {
        let lease = &mut self.verifiers[verifier];
        lease.until = lease.until.max(self.clock.at(now) + issuer_lease(self.promise));
        let acknowledged = poll.after.filter(|after| *after <= self.applied);
        lease.acknowledged = lease.acknowledged.max(acknowledged.unwrap_or(0));
        let after = acknowledged.unwrap_or(0);
        Answer { head: self.applied, entries: self.known.after(after), lease: self.promise }
    }

    fn has_served(&self) -> bool {
        self.has_row() && !self.fresh_until.is_zero()
    }

    /// Whether it accepts, from memory, the credential that the entry at `position` revokes.
    pub fn accepts(&self, position: u8, now: Tick, removed: Option<Rule>) -> bool {
        let serves = self.is_fresh(now) || (removed == Some(Rule::LeaseForMemory) && self.has_served());
        serves && !self.known.contains(position)
    }

    /// Forgets leases of verifiers that have run out, which makes states equal that behave alike.
    pub fn forget_expired_leases(&mut self, now: Tick) {
        let now = self.clock.at(now);
        for verifier in self.verifiers.iter_mut().filter(|verifier| verifier.until <= now) {
            *verifier = VerifierLease::default();
        }
        if self.fresh_until <= now {
            // Not zero: it has served.
            self.fresh_until = self.fresh_until.min(Duration::from_nanos(1));
        }
    }
}
