//! How often our own code has panicked: anything but never is a fault of ours.

use std::sync::atomic::{AtomicU64, Ordering};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many times handlers, and work beside the requests, have panicked since the process began: anything but zero
/// is a fault of ours. A handler's request was answered with 500, the work was begun again.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Counts one more.
pub(crate) fn count() {
    PANICS.fetch_add(1, Ordering::Relaxed);
}
