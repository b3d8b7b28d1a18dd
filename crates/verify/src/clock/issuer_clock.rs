//! The clock of a verifier that also follows the time of its issuer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil_jose::Time;

use crate::authenticator::Clock;
use crate::clock::lease_clock::LeaseClock;

/// The later of two times: that of this machine, and the one that the issuer told plus what has passed since.
///
/// So a machine whose clock is late accepts no token that has expired, and forgets no revocation before the last token has
/// expired. It never runs back: entries may have been removed by it.
pub(crate) struct IssuerClock {
    machine: Arc<dyn Clock>,
    lease_clock: Arc<LeaseClock>,
    /// The time of the issuer, in Unix milliseconds, when the uptime was zero. It only grows.
    boot_time_ms: AtomicU64,
}

impl IssuerClock {
    /// A clock that shows the time of `machine` until it is told another one.
    pub(crate) fn new(machine: Arc<dyn Clock>, lease_clock: Arc<LeaseClock>) -> Self {
        Self { machine, lease_clock, boot_time_ms: AtomicU64::new(0) }
    }

    /// Takes the time that the issuer told at the uptime `uptime`.
    pub(crate) fn tell(&self, issuer_time: Time, uptime: Duration) {
        self.boot_time_ms.fetch_max((issuer_time - uptime).unix_ms(), Ordering::Relaxed);
    }

    fn read(&self, uptime: Duration) -> Time {
        let boot_time = Time::from_unix_ms(self.boot_time_ms.load(Ordering::Relaxed));
        self.machine.now().max(boot_time + uptime)
    }
}

impl Clock for IssuerClock {
    fn now(&self) -> Time {
        self.read(self.lease_clock.uptime())
    }
}

impl fmt::Debug for IssuerClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuerClock(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn clock(machine: Time) -> IssuerClock {
        IssuerClock::new(Arc::new(move || machine), Arc::default())
    }

    #[test]
    fn a_machine_whose_clock_is_late_follows_the_time_of_the_issuer() {
        let clock = clock(NOON - HOUR);
        assert_eq!(clock.read(HOUR), NOON - HOUR);

        clock.tell(NOON, HOUR);

        assert_eq!(clock.read(HOUR), NOON);
        assert_eq!(clock.read(2 * HOUR), NOON + HOUR, "the time that has passed is added");
    }

    #[test]
    fn the_time_never_runs_back() {
        let clock = clock(NOON - HOUR);
        clock.tell(NOON, HOUR);
        clock.tell(NOON - HOUR, HOUR);

        assert_eq!(clock.read(HOUR), NOON);
    }

    #[test]
    fn a_machine_whose_clock_is_ahead_keeps_its_time() {
        let clock = clock(NOON + HOUR);
        clock.tell(NOON, HOUR);

        assert_eq!(clock.read(HOUR), NOON + HOUR);
    }
}
