//! A clock that a test sets by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil_jose::Time;

use crate::authenticator::Clock;

/// A clock that stands still until a test advances it. Clones share one time.
///
/// ```
/// use std::time::Duration;
///
/// use counterfoil_jose::Time;
/// use counterfoil_verify::Clock;
/// use counterfoil_verify::testing::ManualClock;
///
/// let clock = ManualClock::new(Time::from_unix_seconds(1_764_000_000));
/// let shared = clock.clone();
/// clock.advance(Duration::from_secs(900));
/// assert_eq!(shared.now(), Time::from_unix_seconds(1_764_000_900));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Time) -> Self {
        Self(Arc::new(AtomicU64::new(now.unix_ms())))
    }

    /// Advances the clock by `duration`, in whole milliseconds.
    pub fn advance(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}
