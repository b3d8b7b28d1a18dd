//! A process that reads the rows of the nodes: to wait until a revocation is in force, or to remove the row of a dead node.

use std::time::Duration;

use counterfoil_core::services::revocation_feed::issuer_lease;

use crate::nodes::rule::Rule;
use crate::nodes::store::{Row, RowId, Store};
use crate::nodes::time::{LEASE, LONG_LEASE, NODE_LEASE, ticks_of};
use crate::protocol::{ClockRate, Tick};

/// What a process has seen of the rows. Its clock is right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Observer {
    sightings: Vec<Sighting>,
    /// When it began to read the rows: only without [`Rule::ClockAfterRead`].
    pub reading_since: Option<Tick>,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sighting {
    row: Row,
    /// When it was seen first.
    since: Tick,
}

impl Observer {
    /// Reads the rows. A counter that is new begins a new sighting.
    pub fn read(&mut self, store: &Store, now: Tick) {
        let now = self.reading_since.take().unwrap_or(now);
        let former = std::mem::take(&mut self.sightings);
        let since = |row: &Row| {
            let same = former.iter().find(|it| it.row.id == row.id && it.row.counter == row.counter);
            same.map_or(now, |sighting| sighting.since)
        };
        self.sightings = store.rows.iter().map(|row| Sighting { row: *row, since: since(row) }).collect();
    }

    /// Whether the revocation is in force, by the rows that it has read.
    pub fn is_in_force(&self, position: u8, now: Tick, removed: Option<Rule>) -> Option<InForce> {
        let expired = self.sightings.iter().filter(|sighting| sighting.row.in_force < position);
        let mut expired = expired.peekable();
        let is_expired = expired.peek().is_some();
        expired.all(|sighting| sighting.has_expired(now, removed)).then_some(InForce {
            is_expired,
            is_confirmed: self.sightings.iter().any(|it| it.row.in_force >= position),
        })
    }

    /// Forgets how long ago a counter was seen first, if it is long enough, which makes states equal that behave alike.
    pub fn forget_long_ago(&mut self, now: Tick) {
        let long_ago = now.saturating_sub(ticks_of(NODE_LEASE + LONG_LEASE));
        self.sightings.iter_mut().for_each(|sighting| sighting.since = sighting.since.max(long_ago));
    }

    /// The rows whose leases have run out, with the counter that it saw.
    pub fn expired(&self, now: Tick, removed: Option<Rule>) -> impl Iterator<Item = (RowId, u8)> {
        let expired = self.sightings.iter().filter(move |sighting| sighting.has_expired(now, removed));
        expired.map(|sighting| (sighting.row.id, sighting.row.counter))
    }
}

/// How a wait for the fleet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InForce {
    /// Whether a node has reported the position.
    pub is_confirmed: bool,
    /// Whether the leases of a row had to run out.
    pub is_expired: bool,
}

impl Sighting {
    /// Whether the node has no lease, and no verifier has one from it.
    fn has_expired(&self, now: Tick, removed: Option<Rule>) -> bool {
        let of_verifiers = match removed {
            Some(Rule::LeaseOfVerifiers) => Duration::ZERO,
            Some(Rule::PromiseInRow) => LEASE,
            _ => self.row.promise,
        };
        let leases = NODE_LEASE + of_verifiers;
        let awaited = if removed == Some(Rule::ObserverMargin) { leases } else { issuer_lease(leases) };
        let clock = ClockRate::Right;
        clock.at(now) - clock.at(self.since) >= awaited
    }
}
