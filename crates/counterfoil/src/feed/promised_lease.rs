//! The longest lease that was ever promised, which the store keeps for the process that starts next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use counterfoil_core::store::{Change, Store, StoreError};

use crate::feed::leases::issuer_lease;

/// The metadata key of the longest promised lease, in milliseconds (big-endian `u64`).
const LONGEST_LEASE: &str = "feed_longest_lease";

/// Remembers durably how long a verifier may be fresh that this process does not know.
///
/// After a start no lease is known, and verifiers that polled the former process may be fresh still.
pub(crate) struct PromisedLease {
    store: Arc<dyn Store>,
    started_at: Duration,
    /// What was promised before the start.
    at_start: Duration,
    stored_ms: AtomicU64,
    writing: Mutex<()>,
}

impl PromisedLease {
    /// Reads what former processes promised. `started_at` is the uptime at which this process began to serve.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn load(store: Arc<dyn Store>, started_at: Duration) -> Result<Self, StoreError> {
        let stored = store.metadata(LONGEST_LEASE).await?.and_then(|bytes| bytes.try_into().ok());
        let stored_ms = stored.map_or(0, u64::from_be_bytes);
        Ok(Self {
            store,
            started_at,
            at_start: Duration::from_millis(stored_ms),
            stored_ms: AtomicU64::new(stored_ms),
            writing: Mutex::default(),
        })
    }

    /// The longest lease of former processes.
    pub(crate) fn at_start(&self) -> Duration {
        self.at_start
    }

    /// The uptime at which every lease of former processes has run out.
    pub(crate) fn former_leases_end(&self) -> Duration {
        self.started_at.saturating_add(issuer_lease(self.at_start))
    }

    /// Makes it durable that leases of this length are promised. It must be called before the response that promises one.
    ///
    /// # Errors
    ///
    /// If it could not be stored. Then the lease must not be promised.
    pub(crate) async fn raise_to(&self, lease: Duration) -> Result<(), StoreError> {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        if lease_ms <= self.stored_ms.load(Ordering::Acquire) {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        if lease_ms <= self.stored_ms.load(Ordering::Acquire) {
            return Ok(());
        }
        let change = Change::set_metadata(LONGEST_LEASE, lease_ms.to_be_bytes().to_vec());
        // The value of one key is set: nothing conflicts.
        let _ = self.store.commit(&[change].into()).await?;
        self.stored_ms.store(lease_ms, Ordering::Release);
        Ok(())
    }
}
