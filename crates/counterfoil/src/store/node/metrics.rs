//! What a node counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::counter::Counter;

/// Counters of this node since its start.
#[derive(Debug, Default)]
pub(crate) struct NodeMetrics {
    /// Renewals of the lease.
    pub(crate) renewals: Counter,
    /// Renewals that failed.
    pub(crate) failed_renewals: Counter,
    /// Changes of other nodes that were applied.
    pub(crate) applied_changes: Counter,
    /// Dead nodes that this one has removed.
    pub(crate) removed_nodes: Counter,
    nodes: AtomicUsize,
}

impl NodeMetrics {
    /// Notes how many nodes have a row.
    pub(crate) fn set_nodes(&self, nodes: usize) {
        self.nodes.store(nodes, Ordering::Relaxed);
    }

    /// How many nodes have a row, as far as this one knows.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.load(Ordering::Relaxed)
    }
}
