//! A system clock that never runs backwards and that counts through suspend.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use counterfoil_jose::Time;

use crate::authenticator::Clock;

/// The time of this machine, for a verifier.
///
/// It stores the latest boot time that the wall clock has implied, and adds the time since boot, which
/// includes suspend. Setting the wall clock back therefore never makes an expired token valid again.
///
/// ```
/// use counterfoil_verify::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// ```
#[derive(Default)]
pub struct SystemClock {
    /// The boot time in Unix milliseconds. It only grows.
    boot_time_ms: AtomicU64,
}

impl SystemClock {
    /// A clock that starts at the time of the wall clock.
    pub const fn new() -> Self {
        Self { boot_time_ms: AtomicU64::new(0) }
    }

    /// The current time, given the wall clock and the time since boot.
    fn read(&self, wall: Time, uptime: Duration) -> Time {
        let observed = (wall - uptime).unix_ms();
        let boot_time = self.boot_time_ms.fetch_max(observed, Ordering::Relaxed).max(observed);
        Time::from_unix_ms(boot_time) + uptime
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let uptime = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(uptime.tv_sec), u32::try_from(uptime.tv_nsec));
        let uptime = Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default());
        self.read(Time::EPOCH + wall, uptime)
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemClock(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn setting_the_wall_clock_back_changes_nothing() {
        let clock = SystemClock::new();
        assert_eq!(clock.read(NOON, DAY), NOON);

        let later = clock.read(NOON - DAY, DAY + Duration::from_secs(5));

        assert_eq!(later, NOON + Duration::from_secs(5));
    }

    #[test]
    fn setting_the_wall_clock_forward_is_followed() {
        let clock = SystemClock::new();
        clock.read(NOON, DAY);

        assert_eq!(clock.read(NOON + DAY, DAY), NOON + DAY);
        assert_eq!(clock.read(NOON, DAY), NOON + DAY);
    }

    #[test]
    fn an_uptime_longer_than_the_wall_clock_is_not_an_error() {
        assert_eq!(SystemClock::new().read(Time::EPOCH, DAY), Time::EPOCH + DAY);
    }
}
