//! The system clock: it never runs backwards, and it counts through suspend where the system offers that.

// Tests compile it on every system.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android", target_vendor = "apple"))))]
mod instant_uptime;
pub(crate) mod issuer_clock;
pub(crate) mod lease_clock;
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod posix_uptime;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counterfoil_jose::Time;

use crate::authenticator::Clock;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
use crate::clock::instant_uptime::uptime;
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use crate::clock::posix_uptime::uptime;

/// The time of this machine, for a verifier.
///
/// It stores the latest boot time that the wall clock has implied, and adds the uptime. Setting the
/// wall clock back therefore never makes an expired token valid again.
///
/// Whether the uptime includes suspend depends on the system:
///
/// | system | clock | includes suspend |
/// |---|---|---|
/// | Linux, Android | `CLOCK_BOOTTIME` | yes |
/// | macOS, iOS | `CLOCK_MONOTONIC` | yes |
/// | Windows | `Instant`: `QueryPerformanceCounter` | yes |
/// | others | `Instant`: usually `CLOCK_MONOTONIC` | not promised |
///
/// Where it does not include suspend, the wall clock supplies the missing time at the first reading after it.
/// Only if the wall clock was set back during the same suspend, by an administrator of the machine, is the clock
/// late, by at most the duration of the suspend: a token is accepted for that much longer.
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
    /// The time, in Unix milliseconds, when the uptime was zero. It only grows.
    boot_time_ms: AtomicU64,
}

impl SystemClock {
    /// A clock that starts at the time of the wall clock.
    pub const fn new() -> Self {
        Self { boot_time_ms: AtomicU64::new(0) }
    }

    /// The current time, given the wall clock and the uptime.
    fn read(&self, wall: Time, uptime: Duration) -> Time {
        let observed = (wall - uptime).unix_ms();
        let boot_time = self.boot_time_ms.fetch_max(observed, Ordering::Relaxed).max(observed);
        Time::from_unix_ms(boot_time) + uptime
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.read(Time::EPOCH + wall, uptime())
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemClock(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

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
    fn a_suspend_that_the_uptime_does_not_include_is_taken_from_the_wall_clock() {
        let clock = SystemClock::new();
        clock.read(NOON, DAY);

        let resumed = clock.read(NOON + DAY, DAY + Duration::from_secs(1));

        assert_eq!(resumed, NOON + DAY);
        assert_eq!(clock.read(NOON + DAY, DAY + Duration::from_secs(2)), NOON + DAY + Duration::from_secs(1));
    }

    #[test]
    fn the_uptime_of_this_system_grows_by_the_time_that_has_passed() {
        let (uptime_before, before) = (uptime(), Instant::now());
        thread::sleep(Duration::from_millis(5));

        let (passed, grown) = (before.elapsed(), uptime() - uptime_before);

        // The two clocks may differ in resolution.
        assert!(grown + Duration::from_millis(1) >= passed, "{grown:?} of {passed:?}");
    }

    #[test]
    fn an_uptime_longer_than_the_wall_clock_is_not_an_error() {
        assert_eq!(SystemClock::new().read(Time::EPOCH, DAY), Time::EPOCH + DAY);
    }
}
