//! Whether the store can be used: the writer is connected, or not, or the store has failed for good, or it is closed.

use std::sync::atomic::{AtomicU8, Ordering};

use counterfoil_core::store::StoreError;

const OPEN: u8 = 0;
const DISCONNECTED: u8 = 1;
const POISONED: u8 = 2;
const CLOSED: u8 = 3;

/// The state of one open store, shared by its readers and its writer.
#[derive(Debug, Default)]
pub(crate) struct StoreState(AtomicU8);

impl StoreState {
    /// An error unless the store is open.
    ///
    /// Reads are refused too while the writer is not connected: another process may have become the writer, and what is
    /// read would go into a session cache that this process no longer keeps exact.
    pub(crate) fn check_open(&self) -> Result<(), StoreError> {
        match self.0.load(Ordering::Acquire) {
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
        match self.0.load(Ordering::Acquire) {
            OPEN | DISCONNECTED => Ok(()),
            _ => self.check_open(),
        }
    }

    /// Sets that the writer is connected, unless the store has ended.
    pub(crate) fn connect(&self) {
        let _ = self.0.compare_exchange(DISCONNECTED, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Sets that the writer is not connected, unless the store has ended.
    pub(crate) fn disconnect(&self) {
        let _ = self.0.compare_exchange(OPEN, DISCONNECTED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Sets that the store must be opened again.
    pub(crate) fn poison(&self) {
        self.0.fetch_max(POISONED, Ordering::AcqRel);
    }

    /// Sets that the store is closed.
    pub(crate) fn close(&self) {
        self.0.fetch_max(CLOSED, Ordering::AcqRel);
    }
}
