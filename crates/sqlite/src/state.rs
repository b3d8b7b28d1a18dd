//! Whether the store can be used: it is open, failed for good, or closed.

use std::sync::atomic::{AtomicU8, Ordering};

use counterfoil_core::store::StoreError;

const OPEN: u8 = 0;
const POISONED: u8 = 1;
const CLOSED: u8 = 2;

/// The state of one open store, shared by its readers and its writer. It never returns to open.
#[derive(Debug, Default)]
pub(crate) struct StoreState(AtomicU8);

impl StoreState {
    /// An error unless the store is open.
    pub(crate) fn check_open(&self) -> Result<(), StoreError> {
        match self.0.load(Ordering::Acquire) {
            OPEN => Ok(()),
            POISONED => Err(StoreError::Poisoned),
            _ => Err(StoreError::Closed),
        }
    }

    /// Sets that a commit has failed with an unknown outcome; returns whether the store was open until now.
    ///
    /// From here on every request is refused, reads too: after a failed sync the kernel may hold pages that
    /// never reached the disk.
    pub(crate) fn poison(&self) -> bool {
        self.0.fetch_max(POISONED, Ordering::AcqRel) == OPEN
    }

    /// Sets that the store is closed.
    pub(crate) fn close(&self) {
        self.0.fetch_max(CLOSED, Ordering::AcqRel);
    }

    /// Whether a commit has failed with an unknown outcome.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == POISONED
    }
}
