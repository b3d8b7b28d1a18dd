//! Discrete time: ticks of the issuer, and verifiers whose clocks run slower or faster.

use std::time::Duration;

/// A moment, as the number of ticks since the beginning.
pub type Tick = u8;

/// What the clock of the issuer counts in a tick.
const TICK: Duration = Duration::from_millis(500);

/// The lease: four ticks of a clock that is right.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// The ticks after which the slowest clock that the protocol allows has counted a lease.
pub(super) const LEASE_OF_SLOWEST: Tick = 5;

/// How fast the clock of a verifier runs beside that of the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockRate {
    /// By a fifth too slow: the limit of what the protocol allows.
    Slow,
    /// As that of the issuer.
    Right,
    /// By a fifth too fast.
    Fast,
}

impl ClockRate {
    /// What this clock shows at `tick`.
    pub fn at(self, tick: Tick) -> Duration {
        let fifths = match self {
            Self::Slow => 4,
            Self::Right => 5,
            Self::Fast => 6,
        };
        uptime(tick) * fifths / 5
    }
}

/// What the clock of the issuer shows at `tick`. It does not begin at zero: a machine runs before its server starts.
pub(crate) fn uptime(tick: Tick) -> Duration {
    TICK * (u32::from(tick) + 1)
}
