//! Readiness checks: whether this process can serve requests, for `/readyz`, metrics and alerts.

use std::sync::atomic::Ordering;

use crate::app::App;
use crate::clock::checkpoint;

/// A condition for serving requests. While one fails, requests should be sent to other instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadinessCheck {
    /// The server is not shutting down.
    Closing,
    /// The store can be read. If not, it has failed and must be reopened.
    Store,
    /// The store can be written. If not, the disk is full, read-only or broken, and reads still work.
    StoreWrites,
    /// No clock jump waits for acceptance. Until then no credentials are issued.
    Clock,
    /// The keys in the store could be loaded.
    Keys,
    /// This node knows what the others have committed. If not, it cannot renew its lease.
    NodeLease,
    /// The threads that hash passwords make progress.
    Hashing,
}

impl ReadinessCheck {
    /// All checks.
    pub(crate) const ALL: [Self; 7] = [
        Self::Closing,
        Self::Store,
        Self::StoreWrites,
        Self::Clock,
        Self::Keys,
        Self::NodeLease,
        Self::Hashing,
    ];

    /// The name in `/readyz` and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closing => "closing",
            Self::Store => "store",
            Self::StoreWrites => "store_writes",
            Self::Clock => "clock",
            Self::Keys => "keys",
            Self::NodeLease => "node_lease",
            Self::Hashing => "hashing",
        }
    }
}

impl App {
    /// The names of the failed readiness checks, which `docs/operate.md` explains; empty if the app is ready.
    pub async fn readiness(&self) -> Vec<&'static str> {
        self.failed_checks().await.into_iter().map(ReadinessCheck::as_str).collect()
    }

    /// The failed readiness checks.
    pub(crate) async fn failed_checks(&self) -> Vec<ReadinessCheck> {
        let store = self.failed_store_check().await;
        let others = [
            (self.parts.is_shutting_down.load(Ordering::SeqCst), ReadinessCheck::Closing),
            (!self.parts.clock.may_issue(), ReadinessCheck::Clock),
            (self.parts.has_stale_keys.load(Ordering::Relaxed), ReadinessCheck::Keys),
            (self.parts.node.as_ref().is_some_and(|node| !node.lease.is_held()), ReadinessCheck::NodeLease),
            (self.parts.hashing.is_stuck(), ReadinessCheck::Hashing),
        ];
        let mut failed: Vec<_> =
            others.into_iter().filter_map(|(has_failed, check)| has_failed.then_some(check)).collect();
        failed.extend(store);
        failed.sort_by_key(|check| *check as usize);
        failed
    }

    /// Reads from the store. If its last transaction failed, also writes a clock checkpoint: while all
    /// requests are sent to other instances, no other write would find out that the store works again.
    async fn failed_store_check(&self) -> Option<ReadinessCheck> {
        if let Err(error) = self.parts.store.revocation_log_head().await {
            tracing::error!(%error, "the store cannot be read");
            return Some(ReadinessCheck::Store);
        }
        if !self.parts.store.metrics().last_commit_failed() {
            return None;
        }
        let written = checkpoint::save(&*self.parts.store, &self.parts.state_keys, &self.parts.clock).await;
        written.is_err().then_some(ReadinessCheck::StoreWrites)
    }
}
