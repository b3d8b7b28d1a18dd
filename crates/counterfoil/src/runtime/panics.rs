//! The number of panics in handlers and background tasks.

use std::sync::atomic::{AtomicU64, Ordering};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// The number of panics in handlers and background tasks since the process started. Each one is a bug in
/// Counterfoil.
///
/// A request whose handler panics is answered with 500; a background task that panics is restarted.
pub fn panic_count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Counts one panic.
pub(crate) fn count_panic() {
    PANICS.fetch_add(1, Ordering::Relaxed);
}
