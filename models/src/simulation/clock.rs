//! The time of a simulation, and the clocks of its machines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil::{ClockReading, ClockSource};
use counterfoil_jose::Time;

/// The uptime of the issuer in milliseconds, which only the simulation moves.
#[derive(Debug, Clone)]
pub(super) struct IssuerClock {
    uptime_ms: Arc<AtomicU64>,
    /// What the wall clock showed when the uptime was zero.
    booted_at: Time,
}

impl IssuerClock {
    pub(super) fn new(booted_at: Time, uptime: Duration) -> Self {
        let uptime_ms = u64::try_from(uptime.as_millis()).expect("a simulation is short");
        Self { uptime_ms: Arc::new(AtomicU64::new(uptime_ms)), booted_at }
    }

    pub(super) fn pass(&self, ms: u64) {
        self.uptime_ms.fetch_add(ms, Ordering::SeqCst);
    }

    pub(super) fn uptime(&self) -> Duration {
        Duration::from_millis(self.uptime_ms.load(Ordering::SeqCst))
    }

    /// The wall-clock time.
    pub(super) fn now(&self) -> Time {
        self.booted_at + self.uptime()
    }
}

impl ClockSource for IssuerClock {
    fn read(&self) -> ClockReading {
        ClockReading { wall: self.now(), uptime: self.uptime() }
    }
}

/// The clock of a verifier: it was started at another time and runs up to a fifth slower or faster.
#[derive(Debug, Clone, Copy)]
pub(super) struct VerifierClock {
    pub(super) booted: Duration,
    /// What it counts in a millisecond of the issuer, in microseconds: 800 to 1200.
    pub(super) rate: u64,
}

impl VerifierClock {
    pub(super) fn uptime(self, issuer: Duration) -> Duration {
        let ms = u64::try_from(issuer.as_millis()).expect("a simulation is short");
        self.booted + Duration::from_micros(ms * self.rate)
    }
}
