//! What a store has had to do since it was opened: for whoever watches it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::histogram::Histogram;

/// The figures of one open store. The store writes them, everybody may read them.
#[derive(Debug, Default)]
pub struct StoreMetrics {
    /// Each reading.
    pub reads: Histogram,
    /// Each order to write, from the moment it was handed over until its outcome was known.
    pub commits: Histogram,
    /// Each transaction that was committed, with the orders that it carried: a group shares one sync.
    pub transactions: Histogram,
    /// How many orders are waiting to be written, or are being written.
    pub pending: AtomicU64,
    /// How many orders were refused or have failed: by a full disk, a full queue, an error of the system.
    pub failed: AtomicU64,
    /// Whether the last transaction could not be committed. A store that recovers by itself says so by the next.
    pub last_commit_failed: AtomicBool,
}

impl StoreMetrics {
    /// Counts an order that begins to wait.
    pub fn request_started(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts orders that wait no longer.
    pub fn requests_finished(&self, count: usize) {
        self.pending.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// Counts orders that have failed.
    pub fn requests_failed(&self, count: usize) {
        self.failed.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Whether the last transaction could not be committed.
    pub fn last_commit_failed(&self) -> bool {
        self.last_commit_failed.load(Ordering::Relaxed)
    }
}
