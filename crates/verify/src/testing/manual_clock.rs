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
/// use counterfoil_verify::{Clock, Time};
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

    /// Advances the clock by `duration`, in whole milliseconds, at most to the last time that [`Time`] can hold.
    pub fn advance(&self, duration: Duration) {
        let advanced = |ms| Some((Time::from_unix_ms(ms) + duration).unix_ms());
        // The update always has a value, so it cannot fail.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, advanced);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}
