//! Where the clock reads the wall-clock time and the uptime from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use counterfoil_jose::Time;

/// The wall-clock time and the uptime at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The wall-clock time. It can be set to any value at any moment.
    pub wall: Time,
    /// The time since the machine was started, including suspend. It only grows.
    pub uptime: Duration,
}

/// A source of clock readings: [`SystemClock`], or a test's own. Any `Fn() -> ClockReading` is one.
pub trait ClockSource: Send + Sync + 'static {
    /// Reads both clocks.
    fn read(&self) -> ClockReading;
}

impl<F> ClockSource for F
where
    F: Fn() -> ClockReading + Send + Sync + 'static,
{
    fn read(&self) -> ClockReading {
        self()
    }
}

/// The clocks of this machine: `CLOCK_REALTIME` and `CLOCK_BOOTTIME`. Both are read without a system call.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl ClockSource for SystemClock {
    fn read(&self) -> ClockReading {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let uptime = clock_gettime(ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(uptime.tv_sec), u32::try_from(uptime.tv_nsec));
        ClockReading {
            wall: Time::EPOCH + wall,
            uptime: Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_reads_the_time_and_the_uptime_of_this_machine() {
        let reading = SystemClock.read();
        let now = Time::EPOCH + SystemTime::now().duration_since(UNIX_EPOCH).unwrap();

        assert!(now.since(reading.wall) < Duration::from_secs(60));
        assert!(reading.uptime > Duration::ZERO);
    }
}
