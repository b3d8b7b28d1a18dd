//! Metrics of a store since it was opened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::histogram::Histogram;

/// The metrics of an open store. The store updates them, and anyone may read them.
#[derive(Debug, Default)]
pub struct StoreMetrics {
    /// The duration of each read.
    pub reads: Histogram,
    /// The duration of each write request, from submission until its outcome was known.
    pub commits: Histogram,
    /// The duration of each committed transaction. A transaction may contain several write requests, which
    /// share one sync.
    pub transactions: Histogram,
    /// The write requests that are queued or in progress.
    pub pending: AtomicU64,
    /// The write requests that failed: the disk or the queue was full, or the system reported an error.
    pub failed: AtomicU64,
    /// The lists that were not read, because too many were being read: of everyone, or of one user.
    pub lists_refused: AtomicU64,
    /// The reads that wait for a connection to the database.
    pub reads_waiting: AtomicU64,
    /// The reads for which no connection to the database became free in time, or none could be made.
    pub reads_refused: AtomicU64,
    /// Whether a crash or a promotion of a standby could lose commits that were confirmed.
    pub may_lose_commits: AtomicBool,
    /// Whether the last transaction could not be committed. The next successful one clears it.
    pub last_commit_failed: AtomicBool,
}

impl StoreMetrics {
    /// Counts a write request that is queued.
    pub fn request_started(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts write requests that are no longer pending.
    pub fn requests_finished(&self, count: usize) {
        self.pending.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// Counts write requests that failed.
    pub fn requests_failed(&self, count: usize) {
        self.failed.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts a read that waits for a connection, until the guard is dropped.
    pub fn read_waits(&self) -> WaitingRead<'_> {
        self.reads_waiting.fetch_add(1, Ordering::Relaxed);
        WaitingRead(self)
    }

    /// Counts a read that has got no connection.
    pub fn read_refused(&self) {
        self.reads_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a list that was not read.
    pub fn list_refused(&self) {
        self.lists_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The lists that were not read.
    pub fn lists_refused(&self) -> u64 {
        self.lists_refused.load(Ordering::Relaxed)
    }

    /// Whether the last transaction could not be committed.
    pub fn last_commit_failed(&self) -> bool {
        self.last_commit_failed.load(Ordering::Relaxed)
    }
}

/// A read that waits for a connection.
#[derive(Debug)]
pub struct WaitingRead<'m>(&'m StoreMetrics);

impl Drop for WaitingRead<'_> {
    fn drop(&mut self) {
        self.0.reads_waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
