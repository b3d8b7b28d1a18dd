//! Whether the store can be used: the writer is connected, or not, or the store has failed for good, or it is closed.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use counterfoil_core::store::StoreError;

const OPEN: u8 = 0;
const DISCONNECTED: u8 = 1;
const POISONED: u8 = 2;
const CLOSED: u8 = 3;

/// The state of one open store, shared by its readers and its writer.
#[derive(Debug, Default)]
pub(crate) struct StoreState {
    state: AtomicU8,
    is_closing: AtomicBool,
    readers_since: Mutex<Option<Instant>>,
}

impl StoreState {
    /// An error unless the store is open.
    ///
    /// Reads are refused too while the writer is not connected: another process may have become the writer, and what is
    /// read would go into a session cache that this process no longer keeps exact.
    pub(crate) fn check_open(&self) -> Result<(), StoreError> {
        match self.state.load(Ordering::Acquire) {
            OPEN => Ok(()),
            DISCONNECTED => {
                Err(StoreError::Unavailable { reason: "the database is not connected", source: None })
            }
            POISONED => Err(StoreError::Poisoned),
            _ => Err(StoreError::Closed),
        }
    }

    /// As [`check_open`](Self::check_open), but a request may be queued while the writer connects.
    pub(crate) fn check_not_ended(&self) -> Result<(), StoreError> {
        match self.state.load(Ordering::Acquire) {
            OPEN | DISCONNECTED => Ok(()),
            _ => self.check_open(),
        }
    }

    /// Sets that the writer is connected, unless the store has ended.
    pub(crate) fn connect(&self) {
        let _ = self.state.compare_exchange(DISCONNECTED, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Sets that the writer is not connected, unless the store has ended.
    pub(crate) fn disconnect(&self) {
        let _ = self.state.compare_exchange(OPEN, DISCONNECTED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Sets that the store must be opened again.
    pub(crate) fn poison(&self) {
        self.state.fetch_max(POISONED, Ordering::AcqRel);
    }

    /// Sets that connections of before `since` must not be read from: the primary may be another server now.
    pub(crate) fn distrust_readers_before(&self, since: Instant) {
        let mut current = self.readers_since.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (*current).max(Some(since));
    }

    /// Whether what is read from a connection of this time counts.
    pub(crate) fn trusts_reader(&self, connected_at: Instant) -> bool {
        self.readers_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none_or(|since| connected_at >= since)
    }

    /// Sets that the store will be closed, so that the writer does not wait for the database for ever.
    pub(crate) fn start_closing(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// Whether the store will be closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Sets that the store is closed.
    pub(crate) fn close(&self) {
        self.state.fetch_max(CLOSED, Ordering::AcqRel);
    }
}
