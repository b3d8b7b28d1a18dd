//! The clock of a service that has no other: it never runs back and never stands still.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use counterfoil_jose::Time;

use crate::authenticator::Now;

/// The time of this machine, as a verifier needs it.
///
/// It is kept as a line: when the machine was started, by the furthest that the wall has ever shown. The
/// present is that line plus the time that the machine has been up, asleep or not. So no token that has
/// expired is good again because somebody set the wall back.
///
/// ```
/// use counterfoil_verify::{Now, SystemClock};
///
/// let clock = SystemClock::new();
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// ```
#[derive(Default)]
pub struct SystemClock {
    /// The line, in Unix milliseconds. It only grows.
    line: AtomicU64,
}

impl SystemClock {
    /// A clock that begins with what the wall shows.
    pub const fn new() -> Self {
        Self { line: AtomicU64::new(0) }
    }

    /// The present, where the wall shows `wall` and the machine has been up for `up`.
    fn read(&self, wall: Time, up: Duration) -> Time {
        let shown = (wall - up).unix_ms();
        let line = self.line.fetch_max(shown, Ordering::Relaxed).max(shown);
        Time::from_unix_ms(line) + up
    }
}

impl Now for SystemClock {
    fn now(&self) -> Time {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let up = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(up.tv_sec), u32::try_from(up.tv_nsec));
        let up = Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default());
        self.read(Time::EPOCH + wall, up)
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
    fn a_wall_that_is_set_back_changes_nothing() {
        let clock = SystemClock::new();
        assert_eq!(clock.read(NOON, DAY), NOON);

        let later = clock.read(NOON - DAY, DAY + Duration::from_secs(5));

        assert_eq!(later, NOON + Duration::from_secs(5));
    }

    #[test]
    fn a_wall_that_is_set_forward_is_followed() {
        let clock = SystemClock::new();
        clock.read(NOON, DAY);

        assert_eq!(clock.read(NOON + DAY, DAY), NOON + DAY);
        assert_eq!(clock.read(NOON, DAY), NOON + DAY);
    }

    #[test]
    fn a_machine_that_has_been_up_for_longer_than_the_wall_shows_has_a_time() {
        assert_eq!(SystemClock::new().read(Time::EPOCH, DAY), Time::EPOCH + DAY);
    }
}
