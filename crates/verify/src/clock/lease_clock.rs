//! The clock by which a verifier counts its lease: through suspend, and whatever happens to the wall clock.

use std::time::Duration;

use counterfoil_jose::Time;

use crate::authenticator::Clock;

/// Counts leases. Its time is the uptime, as a duration or as the time since [`Time::EPOCH`].
///
/// Setting the wall clock changes nothing. Only on systems without a clock that is known to count through suspend the time of
/// [`SystemClock`](crate::SystemClock) is used, which supplies a suspend from the wall clock: there a forward step of the wall
/// clock ends a lease early.
#[derive(Debug, Default)]
pub(crate) struct LeaseClock {
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows)))]
    system: crate::clock::SystemClock,
}

impl LeaseClock {
    /// The uptime.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows))]
    pub(crate) fn uptime(&self) -> Duration {
        crate::clock::uptime()
    }

    /// The uptime.
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows)))]
    pub(crate) fn uptime(&self) -> Duration {
        self.system.now().since(Time::EPOCH)
    }
}

impl Clock for LeaseClock {
    fn now(&self) -> Time {
        Time::EPOCH + self.uptime()
    }
}
