//! A clock source that a test sets by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil_jose::Time;

use crate::clock::{ClockReading, ClockSource};

/// A clock source that changes only when a test says so. Clones share one reading.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<Mutex<ClockReading>>);

impl ManualClock {
    /// A source that shows `wall`, on a machine that has been up for a while.
    pub(crate) fn new(wall: Time) -> Self {
        Self(Arc::new(Mutex::new(ClockReading { wall, uptime: Duration::from_secs(1000) })))
    }

    /// Advances the wall clock and the uptime.
    pub(crate) fn advance(&self, time: Duration) {
        let mut reading = self.0.lock().unwrap();
        *reading = ClockReading { wall: reading.wall + time, uptime: reading.uptime + time };
    }

    /// Advances the uptime only, as if the wall clock stood still.
    pub(crate) fn advance_uptime(&self, time: Duration) {
        self.0.lock().unwrap().uptime += time;
    }

    /// Sets the wall clock.
    pub(crate) fn set_wall(&self, wall: Time) {
        self.0.lock().unwrap().wall = wall;
    }
}

impl ClockSource for ManualClock {
    fn read(&self) -> ClockReading {
        *self.0.lock().unwrap()
    }
}
