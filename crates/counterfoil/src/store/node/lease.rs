//! The lease of this node: until when it answers from memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Until when this process may answer by what it has in memory. It is counted by a clock that runs through suspend, from
/// before the transaction that renewed it.
pub(crate) struct NodeLease {
    length: Duration,
    clock: Arc<Clock>,
    /// The uptime at which it ends, in milliseconds.
    ends_at_ms: AtomicU64,
    /// Whether it can no longer be renewed.
    is_over: AtomicBool,
}

impl NodeLease {
    /// It has not begun.
    pub(crate) fn new(length: Duration, clock: Arc<Clock>) -> Self {
        Self { length, clock, ends_at_ms: AtomicU64::new(0), is_over: AtomicBool::new(false) }
    }

    /// How long it lasts.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// Renews it by a transaction that began at this uptime, and whose news are applied.
    pub(crate) fn renew(&self, began_at: Duration) {
        let ends_at = began_at.saturating_add(self.length);
        self.ends_at_ms.fetch_max(u64::try_from(ends_at.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    /// Ends it for good: what this process has in memory belongs to another history of the store. Returns whether it had not
    /// ended for good before.
    pub(crate) fn end(&self) -> bool {
        !self.is_over.swap(true, Ordering::AcqRel)
    }

    /// How long it lasts from now on.
    pub(crate) fn remaining(&self) -> Duration {
        if self.is_over.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        // The clock is read last: what was found in memory before is not older than this.
        let ends_at = Duration::from_millis(self.ends_at_ms.load(Ordering::Acquire));
        ends_at.saturating_sub(self.clock.uptime())
    }

    /// Whether what was read from memory before this call may be answered.
    pub(crate) fn is_held(&self) -> bool {
        !self.remaining().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::Time;

    use super::*;
    use crate::clock::manual::ManualClock;

    #[test]
    fn it_lasts_from_the_beginning_of_the_renewal_and_ends_for_good_when_it_is_told_so() {
        let source = ManualClock::new(Time::from_unix_seconds(1_764_000_000));
        let clock = Arc::new(Clock::start(source.clone(), None, Time::EPOCH));
        let lease = NodeLease::new(Duration::from_secs(2), Arc::clone(&clock));
        assert!(!lease.is_held());

        let began_at = clock.uptime();
        source.advance(Duration::from_millis(1_500));
        lease.renew(began_at);
        assert_eq!(lease.remaining(), Duration::from_millis(500));
        source.advance(Duration::from_millis(500));
        assert!(!lease.is_held());

        lease.renew(clock.uptime());
        assert!(lease.is_held());
        lease.end();
        assert!(!lease.is_held());
    }
}
