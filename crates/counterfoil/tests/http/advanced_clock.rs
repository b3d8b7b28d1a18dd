//! A clock that a test advances.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use counterfoil::{ClockReading, ClockSource};
use counterfoil_jose::Time;

/// A clock that is ahead of the machine's by so many seconds.
pub(crate) fn advanced_clock() -> (Arc<AtomicU64>, impl ClockSource) {
    let (advance, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let added = Arc::clone(&advance);
    let clock = move || {
        let added = Duration::from_secs(added.load(Ordering::SeqCst));
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        ClockReading { wall: Time::EPOCH + since_epoch + added, uptime: started.elapsed() + added }
    };
    (advance, clock)
}
