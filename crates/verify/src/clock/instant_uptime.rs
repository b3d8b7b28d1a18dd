//! The time since the first reading, for systems without a clock that is known to count through suspend.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The first reading in this process. All clocks share it.
static FIRST_READING: OnceLock<Instant> = OnceLock::new();

/// The time since the first reading in this process. It never runs backwards.
///
/// It includes suspend on Windows, where `Instant` reads `QueryPerformanceCounter`; elsewhere that is not
/// promised.
pub(super) fn uptime() -> Duration {
    FIRST_READING.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_uptime_grows_by_the_time_that_has_passed() {
        let (uptime_before, before) = (uptime(), Instant::now());
        thread::sleep(Duration::from_millis(2));

        let (passed, grown) = (before.elapsed(), uptime() - uptime_before);

        assert!(grown >= passed && passed >= Duration::from_millis(2), "{grown:?} of {passed:?}");
    }

    #[test]
    fn all_threads_count_from_the_same_reading() {
        let before = uptime();

        let elsewhere = thread::spawn(uptime).join().unwrap();

        assert!(elsewhere >= before && uptime() >= elsewhere);
    }
}
