//! The clock of a lab: that of the machine, and what is added to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil::{ClockReading, ClockSource as _, SystemClock};
use counterfoil_jose::Time;

/// The clock of the machine plus what is added. Clones share what is added.
#[derive(Debug, Clone, Default)]
pub struct LabClock(Arc<AtomicU64>);

impl LabClock {
    /// Adds `time`. Wall clock and uptime advance alike, so that it is no jump of the clock.
    pub fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// What was added so far.
    pub fn added(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    /// Both clocks.
    pub fn read(&self) -> ClockReading {
        let (machine, added) = (SystemClock.read(), self.added());
        ClockReading { wall: machine.wall + added, uptime: machine.uptime + added }
    }

    /// The wall clock.
    pub fn now(&self) -> Time {
        self.read().wall
    }
}
