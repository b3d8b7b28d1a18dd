//! A process that reads the rows of the nodes: to wait until a revocation is in force, or to remove the row of a dead node. The
//! code of the server decides ([`NodeObserver`]); without a rule it gets rows that say something else.

use std::time::Duration;

use counterfoil_core::services::revocation_feed::{NodeObserver, NodeProgress};
use counterfoil_core::store::{NodeId, NodeRow};
use counterfoil_verify::RevocationPosition;

use crate::nodes::rule::Rule;
use crate::nodes::store::{Row, RowId, Store};
use crate::nodes::time::{LEASE, LONG_LEASE, NODE_LEASE, ticks_of};
use crate::protocol::{ClockRate, Tick};

/// The id of the process itself, which has no row.
const OWN: NodeId = NodeId::from_bytes([0; 16]);

/// What a process has seen of the rows. Its clock is right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Observer {
    sights: NodeObserver,
    /// The rows as it has read them.
    rows: Vec<Row>,
    /// When it began to read the rows: only without [`Rule::ClockAfterRead`].
    pub reading_since: Option<Tick>,
}

impl Observer {
    /// Reads the rows.
    pub fn read(&mut self, store: &Store, now: Tick) {
        let now = self.reading_since.take().unwrap_or(now);
        self.rows.clone_from(&store.rows);
        self.sights.observe(&node_rows(&self.rows, None), uptime(now));
    }

    /// Whether the revocation is in force, by the rows that it has read.
    pub fn is_in_force(&self, position: u8, now: Tick, removed: Option<Rule>) -> Option<InForce> {
        let (rows, position) = (node_rows(&self.rows, removed), RevocationPosition::new(position.into()));
        let NodeProgress { confirmed, expired, waiting, .. } =
            self.sights.progress(&rows, OWN, position, uptime(now));
        (waiting == 0).then_some(InForce { is_confirmed: confirmed > 0, is_expired: expired > 0 })
    }

    /// The rows whose leases have run out, with the counter that it saw.
    pub fn expired(&self, now: Tick, removed: Option<Rule>) -> impl Iterator<Item = (RowId, u8)> {
        let is_dead = move |row: &&Row| self.sights.is_dead(&node_row(row, removed), uptime(now));
        self.rows.iter().filter(is_dead).map(|row| (row.id, row.counter))
    }

    /// Forgets how long ago a counter was seen first, if it is long enough, which makes states equal that behave alike.
    pub fn forget_long_ago(&mut self, now: Tick) {
        let long_ago = uptime(now.saturating_sub(ticks_of(NODE_LEASE + LONG_LEASE)));
        let without_leases =
            |row: &Row| NodeRow { lease: Duration::ZERO, promised: Duration::ZERO, ..node_row(row, None) };
        let seen_first = |row: NodeRow| {
            let since = self.sights.dead_at(&row).expect("each row that was read was observed");
            (since.max(long_ago), row)
        };
        let mut seen: Vec<_> = self.rows.iter().map(without_leases).map(seen_first).collect();
        seen.sort_by_key(|(since, _)| *since);
        let (times, rows): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
        self.sights = NodeObserver::default();
        for (index, since) in times.into_iter().enumerate() {
            self.sights.observe(&rows[..=index], since);
        }
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

fn node_rows(rows: &[Row], removed: Option<Rule>) -> Vec<NodeRow> {
    rows.iter().map(|row| node_row(row, removed)).collect()
}

/// A row as the server reads it; without a rule, as one that makes the server wait as if it did not have the rule.
fn node_row(row: &Row, removed: Option<Rule>) -> NodeRow {
    let (lease, promised) = match removed {
        Some(Rule::LeaseOfVerifiers) => (NODE_LEASE, Duration::ZERO),
        Some(Rule::PromiseInRow) => (NODE_LEASE, LEASE),
        // The server adds a quarter.
        Some(Rule::ObserverMargin) => (NODE_LEASE * 4 / 5, row.promise * 4 / 5),
        _ => (NODE_LEASE, row.promise),
    };
    NodeRow {
        id: NodeId::from_bytes([row.id; 16]),
        name: String::new(),
        renewals: row.counter.into(),
        applied: RevocationPosition::new(row.in_force.into()),
        confirmed: RevocationPosition::new(row.in_force.into()),
        lease,
        promised,
        last_change: 0,
    }
}

fn uptime(tick: Tick) -> Duration {
    ClockRate::Right.at(tick)
}
