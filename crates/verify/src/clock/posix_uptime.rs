//! The time since boot, including suspend, from `clock_gettime` (POSIX).

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Linux: `CLOCK_MONOTONIC` stands still during suspend, `CLOCK_BOOTTIME` does not (clock_gettime(2)).
#[cfg(any(target_os = "linux", target_os = "android"))]
const UPTIME_CLOCK: ClockId = ClockId::Boottime;

/// Apple: there is no `CLOCK_BOOTTIME`; `CLOCK_MONOTONIC` continues during sleep (clock_gettime(3)).
#[cfg(target_vendor = "apple")]
const UPTIME_CLOCK: ClockId = ClockId::Monotonic;

/// The time since boot, including suspend.
pub(super) fn uptime() -> Duration {
    let uptime = clock_gettime(UPTIME_CLOCK);
    let (seconds, nanos) = (u64::try_from(uptime.tv_sec), u32::try_from(uptime.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}
