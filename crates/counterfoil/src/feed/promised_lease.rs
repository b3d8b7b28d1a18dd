//! The longest lease that was ever promised, which the store keeps for the process that starts next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use counterfoil_core::store::{Change, Store, StoreError};

use counterfoil_core::services::revocation_feed::issuer_lease;

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
    /// The longest lease that this process has promised.
    promised_ms: AtomicU64,
    writing: Mutex<()>,
}

/// What a restored store starts with. The replaced store may have promised longer leases than the backup knows, so this is at
/// least `allowed`, the longest that the settings allow: a verifier of the replaced store may be fresh for that long.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn restore_change(store: &dyn Store, allowed: Duration) -> Result<Change, StoreError> {
    let stored = store.metadata(LONGEST_LEASE).await?.and_then(|bytes| bytes.try_into().ok());
    let allowed_ms = u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX);
    let lease_ms = stored.map_or(0, u64::from_be_bytes).max(allowed_ms);
    Ok(Change::set_metadata(LONGEST_LEASE, lease_ms.to_be_bytes().to_vec()))
}

impl PromisedLease {
    /// Reads what former processes promised. `started_at` is the uptime at which this process began to serve.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn load(store: Arc<dyn Store>, started_at: Duration) -> Result<Self, StoreError> {
        let stored = store.metadata(LONGEST_LEASE).await?.and_then(|bytes| bytes.try_into().ok());
        let former_ms = stored.map_or(0, u64::from_be_bytes);
        // The row of a node is new, and names only what this process promises.
        let stored_ms = if store.node_registry().is_some() { 0 } else { former_ms };
        Ok(Self {
            store,
            started_at,
            at_start: Duration::from_millis(former_ms),
            stored_ms: AtomicU64::new(stored_ms),
            promised_ms: AtomicU64::new(0),
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
        // Before the stored value is read: `forget_former_leases` lowers it first and reads this one after that.
        self.promised_ms.fetch_max(lease_ms, Ordering::SeqCst);
        if lease_ms <= self.stored_ms.load(Ordering::SeqCst) {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        if lease_ms <= self.stored_ms.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.write(lease_ms).await?;
        self.stored_ms.store(lease_ms, Ordering::SeqCst);
        Ok(())
    }

    /// Stores the longest lease that this process has promised instead of a longer one of a former process, once every
    /// lease of former processes has run out. A lease that was long once would otherwise prolong the waits after each
    /// later start.
    ///
    /// # Errors
    ///
    /// If it could not be stored. Then the longer one stays.
    pub(crate) async fn forget_former_leases(&self, now: Duration) -> Result<(), StoreError> {
        if now < self.former_leases_end() {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        if self.store.node_registry().is_some() {
            return self.forget_restored().await;
        }
        let stored_ms = self.stored_ms.load(Ordering::SeqCst);
        let promised_ms = self.promised_ms.load(Ordering::SeqCst);
        if promised_ms >= stored_ms {
            return Ok(());
        }
        // From now on a longer promise waits until this is done. One that was made before is read here.
        self.stored_ms.store(promised_ms, Ordering::SeqCst);
        let promised_ms = self.promised_ms.load(Ordering::SeqCst);
        let written = self.write(promised_ms).await;
        let stored_ms = if written.is_ok() { promised_ms } else { stored_ms };
        self.stored_ms.store(stored_ms, Ordering::SeqCst);
        written
    }

    /// Writes what this process has promised into its row, which is new.
    ///
    /// # Errors
    ///
    /// If it could not be stored.
    pub(crate) async fn promise_again(&self) -> Result<(), StoreError> {
        let _writing = self.writing.lock().await;
        match self.stored_ms.load(Ordering::SeqCst) {
            0 => Ok(()),
            promised_ms => self.write(promised_ms).await,
        }
    }

    /// Removes what a restore has written for the nodes that start after it. Each node has its own promises in its row, and
    /// the row of one that has crashed stays until they have run out.
    async fn forget_restored(&self) -> Result<(), StoreError> {
        let stored = self.store.metadata(LONGEST_LEASE).await?;
        if stored.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0)) {
            return Ok(());
        }
        let change = Change::set_metadata(LONGEST_LEASE, 0_u64.to_be_bytes().to_vec());
        self.store.commit(&[change].into()).await.map(|_| ())
    }

    /// Whether a lease is being stored.
    #[cfg(feature = "test-util")]
    pub(super) fn is_writing(&self) -> bool {
        self.writing.try_lock().is_err()
    }

    async fn write(&self, lease_ms: u64) -> Result<(), StoreError> {
        if let Some(registry) = self.store.node_registry() {
            return registry.promise(Duration::from_millis(lease_ms)).await;
        }
        let change = Change::set_metadata(LONGEST_LEASE, lease_ms.to_be_bytes().to_vec());
        // The value of one key is set: nothing conflicts.
        self.store.commit(&[change].into()).await.map(|_| ())
    }
}
