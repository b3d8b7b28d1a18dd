//! This process as a node: one of several that serve from one store, without the others in between.
//!
//! A node is a verifier of the store. [`NodeLease`] says whether it may answer from memory, `app/node_follower` renews it and
//! applies what other nodes have committed, and [`NodePeers`] knows how far the others are.

pub(crate) mod lease;
pub(crate) mod metrics;
pub(crate) mod namesakes;
pub(crate) mod peers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use counterfoil_verify::RevocationPosition;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::settings::node::NodeSettings;
use crate::store::node::lease::NodeLease;
use crate::store::node::metrics::NodeMetrics;
use crate::store::node::peers::NodePeers;

/// What the parts of a node share.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) lease: NodeLease,
    pub(crate) peers: NodePeers,
    pub(crate) metrics: NodeMetrics,
    /// Wakes the follower: this process has committed something, or a verifier has acknowledged something.
    pub(crate) wake: Notify,
    /// The position up to which the row of this node says that its verifiers have everything.
    written_confirmed: AtomicU64,
}

impl Node {
    /// A node without a lease yet.
    pub(crate) fn new(settings: &NodeSettings, clock: Arc<Clock>) -> Self {
        Self {
            name: settings.display_name(),
            lease: NodeLease::new(settings.lease, clock),
            peers: NodePeers::default(),
            metrics: NodeMetrics::default(),
            wake: Notify::new(),
            written_confirmed: AtomicU64::new(0),
        }
    }

    /// Notes what the row of this node says now.
    pub(crate) fn set_written(&self, confirmed: RevocationPosition) {
        self.written_confirmed.store(confirmed.number(), Ordering::Relaxed);
    }

    /// A verifier has acknowledged `position`: other nodes may wait for it, if the row does not say so yet.
    pub(crate) fn wake_if_awaited(&self, position: RevocationPosition) {
        if position.number() > self.written_confirmed.load(Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }
}
