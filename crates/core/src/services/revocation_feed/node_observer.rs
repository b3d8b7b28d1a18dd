//! Decides when a revocation is in force on every node, and when a node is dead. It reads no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use counterfoil_verify::RevocationPosition;

use crate::services::revocation_feed::leases::issuer_lease;
use crate::store::{NodeId, NodeRow};

/// What one node has seen of the others.
///
/// It counts from its own first sight of a counter, by its own clock: a node whose counter has not changed for its lease
/// refuses every credential, and after the longest lease that it has promised so does each of its verifiers. Both are
/// counted a quarter longer, as those of verifiers: clocks whose rates differ by less than 20 % do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NodeObserver(BTreeMap<NodeId, Sight>);

/// A counter, and the uptime of its first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sight {
    renewals: u64,
    since: Duration,
}

/// How far the other nodes are with one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeProgress {
    /// How many have it in force, with all their verifiers.
    pub confirmed: usize,
    /// How many are dead.
    pub expired: usize,
    /// How many are awaited.
    pub waiting: usize,
    /// The uptime at which the last of them is dead, if its counter does not change.
    pub over_at: Duration,
}

impl NodeObserver {
    /// Takes note of rows that were read before `now`. It forgets nodes that have no row.
    pub fn observe(&mut self, rows: &[NodeRow], now: Duration) {
        self.0.retain(|id, _| rows.iter().any(|row| row.id == *id));
        for row in rows {
            let sight = Sight { renewals: row.renewals, since: now };
            let known = self.0.entry(row.id).or_insert(sight);
            if known.renewals != row.renewals {
                *known = sight;
            }
        }
    }

    /// The uptime from which on neither this node nor a verifier of it accepts a credential, if its counter stays as it is.
    /// `None` if this observer has not seen it.
    pub fn dead_at(&self, row: &NodeRow) -> Option<Duration> {
        let seen = self.0.get(&row.id).filter(|seen| seen.renewals == row.renewals)?;
        Some(seen.since.saturating_add(issuer_lease(row.lease)).saturating_add(issuer_lease(row.promised)))
    }

    /// Whether neither the node nor a verifier of it accepts a credential at `now`.
    pub fn is_dead(&self, row: &NodeRow, now: Duration) -> bool {
        self.dead_at(row).is_some_and(|at| now >= at)
    }

    /// How far the nodes of `rows` other than `own` are with `position`, which was committed before the rows were read.
    ///
    /// A node that joins later reads the log after it has inserted its row, so it has the position.
    pub fn progress(
        &self,
        rows: &[NodeRow],
        own: NodeId,
        position: RevocationPosition,
        now: Duration,
    ) -> NodeProgress {
        let mut progress = NodeProgress::default();
        for row in rows.iter().filter(|row| row.id != own) {
            if row.applied >= position && row.confirmed >= position {
                progress.confirmed += 1;
            } else if self.is_dead(row, now) {
                progress.expired += 1;
            } else {
                progress.waiting += 1;
                progress.over_at = progress.over_at.max(self.dead_at(row).unwrap_or(now));
            }
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: NodeId = NodeId::from_bytes([0; 16]);
    const POSITION: RevocationPosition = RevocationPosition::new(8);

    fn row(id: u8, renewals: u64, confirmed: u64) -> NodeRow {
        NodeRow {
            id: NodeId::from_bytes([id; 16]),
            name: "node".into(),
            renewals,
            applied: RevocationPosition::new(confirmed),
            confirmed: RevocationPosition::new(confirmed),
            lease: Duration::from_secs(4),
            promised: Duration::from_secs(8),
            last_change: 0,
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    fn counts(observer: &NodeObserver, rows: &[NodeRow], seconds: u64) -> (usize, usize, usize) {
        let progress = observer.progress(rows, OWN, POSITION, at(seconds));
        (progress.confirmed, progress.expired, progress.waiting)
    }

    #[test]
    fn a_node_is_awaited_until_it_and_its_verifiers_have_the_position() {
        let mut observer = NodeObserver::default();
        let mut rows = vec![row(0, 1, 0), row(1, 1, 7), row(2, 1, 9)];
        observer.observe(&rows, at(0));
        assert_eq!(counts(&observer, &rows, 0), (1, 0, 1), "the own row does not count");

        rows[1] = NodeRow { applied: POSITION, ..row(1, 2, 7) };
        observer.observe(&rows, at(1));
        assert_eq!(counts(&observer, &rows, 1), (1, 0, 1), "a verifier of it has not acknowledged");

        rows[1] = row(1, 3, 8);
        assert_eq!(counts(&observer, &rows, 1), (2, 0, 0));
    }

    #[test]
    fn a_node_is_dead_after_its_lease_and_the_longest_that_it_has_promised() {
        let mut observer = NodeObserver::default();
        let rows = [row(1, 5, 7)];
        observer.observe(&rows, at(0));
        observer.observe(&rows, at(14));

        assert_eq!(counts(&observer, &rows, 14), (0, 0, 1));
        assert_eq!(counts(&observer, &rows, 15), (0, 1, 0));
    }

    #[test]
    fn a_counter_that_changes_in_either_direction_is_a_sign_of_life() {
        let mut observer = NodeObserver::default();
        observer.observe(&[row(1, 5, 7)], at(0));
        for renewals in [6, 4] {
            let rows = [row(1, renewals, 7)];
            assert!(!observer.is_dead(&rows[0], at(15)), "a row that was not observed");
            observer.observe(&rows, at(10));
            assert!(!observer.is_dead(&rows[0], at(24)) && observer.is_dead(&rows[0], at(25)));
        }
    }
}
