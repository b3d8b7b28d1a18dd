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
    pub waiting: AtomicU64,
    /// How many orders were refused or have failed: by a full disk, a full queue, an error of the system.
    pub failed: AtomicU64,
    /// Whether the last transaction could not be committed. A store that recovers by itself says so by the next.
    pub is_refusing: AtomicBool,
}

impl StoreMetrics {
    /// Counts an order that begins to wait.
    pub fn begin(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts orders that wait no longer.
    pub fn end(&self, orders: usize) {
        self.waiting.fetch_sub(orders as u64, Ordering::Relaxed);
    }

    /// Counts orders that have failed.
    pub fn fail(&self, orders: usize) {
        self.failed.fetch_add(orders as u64, Ordering::Relaxed);
    }

    /// Whether the last transaction could not be committed.
    pub fn is_refusing(&self) -> bool {
        self.is_refusing.load(Ordering::Relaxed)
    }
}
