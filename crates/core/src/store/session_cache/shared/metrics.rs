//! Metrics of a shared session cache.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::store::session_cache::shared::CachedSession;

/// What a look-up in a shared cache has found.
#[derive(Debug)]
pub enum SharedLookup {
    /// An authentic session of this token.
    Found(Box<CachedSession>),
    /// Nothing.
    Absent,
    /// A value that is damaged, forged, of another installation, or of another secret.
    Unverified,
    /// The cache is not connected, did not answer in time, or reported an error.
    Unavailable,
}

/// The metrics of a shared cache since the process started.
#[derive(Debug, Default)]
pub struct SharedCacheMetrics {
    /// Sessions that were answered from the cache.
    pub hits: AtomicU64,
    /// Sessions that the cache did not have.
    pub misses: AtomicU64,
    /// Authentic values that were too old, or from before a change or a revocation.
    pub outdated: AtomicU64,
    /// Values that are not authentic for the presented token.
    pub unverified: AtomicU64,
    /// Look-ups while the cache was not connected, or that failed.
    pub unavailable: AtomicU64,
    /// Calls that took too long.
    pub timeouts: AtomicU64,
    /// Calls that failed otherwise.
    pub errors: AtomicU64,
    /// Values and marks that were not written, because too many were waiting or the cache was not connected.
    pub dropped_writes: AtomicU64,
    /// Connections that were made.
    pub connections: AtomicU64,
    /// Whether calls are made: the cache is connected, and it answers.
    pub is_connected: AtomicBool,
}

impl SharedCacheMetrics {
    /// Counts one event.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether calls are made. If not, sessions are read from the store without a delay.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}
