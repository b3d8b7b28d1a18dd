//! Whether the store can be used: open, failed for good, or closed.

use std::sync::atomic::{AtomicU8, Ordering};

use counterfoil_core::store::StoreError;

const OPEN: u8 = 0;
const POISONED: u8 = 1;
const CLOSED: u8 = 2;

/// One for each open store, shared by its readers and its writer. It never goes back to open.
#[derive(Debug, Default)]
pub(crate) struct State(AtomicU8);

impl State {
    /// Lets the caller go on, if the store is open.
    pub(crate) fn admit(&self) -> Result<(), StoreError> {
        match self.0.load(Ordering::Acquire) {
            OPEN => Ok(()),
            POISONED => Err(StoreError::Poisoned),
            _ => Err(StoreError::Closed),
        }
    }

    /// A commit has failed with unknown outcome. From here on everything is refused: after a failed sync not
    /// even what is read can be relied on, as the kernel may hold pages that never reached the disk. Tells whether
    /// it was open until now.
    pub(crate) fn poison(&self) -> bool {
        self.0.fetch_max(POISONED, Ordering::AcqRel) == OPEN
    }

    /// The store was closed.
    pub(crate) fn close(&self) {
        self.0.fetch_max(CLOSED, Ordering::AcqRel);
    }

    /// Whether a commit has failed with unknown outcome.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == POISONED
    }
}
