//! When a connection whose calls fail is given up.

use std::sync::atomic::{AtomicU32, Ordering};

/// How much failures in a row weigh, with no success between them, before the connection is given up: three time-outs, or more
/// errors that come at once. In a cluster a third of the calls may fail while one of three nodes is gone.
const LIMIT: u32 = 15;

/// Why a call was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It took too long, and a request has waited for it.
    Timeout,
    /// It has failed.
    Error,
}

impl Failure {
    const fn weight(self) -> u32 {
        match self {
            Self::Timeout => 5,
            Self::Error => 1,
        }
    }
}

/// Counts the calls of one connection that have failed in a row.
#[derive(Debug, Default)]
pub(crate) struct Breaker(AtomicU32);

impl Breaker {
    /// Counts a call that was answered.
    pub(crate) fn record_success(&self) {
        // Most calls find 0 and write nothing that other threads read.
        if self.0.load(Ordering::Relaxed) != 0 {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a call that was not answered. `true` when the connection must be given up.
    pub(crate) fn record_failure(&self, failure: Failure) -> bool {
        self.0.fetch_add(failure.weight(), Ordering::Relaxed) + failure.weight() >= LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_give_the_connection_up_and_an_answer_between_them_does_not() {
        let breaker = Breaker::default();
        let times_out = || breaker.record_failure(Failure::Timeout);
        assert!(!times_out() && !times_out());
        breaker.record_success();
        assert!(!times_out() && !times_out());
        assert!(times_out());

        let breaker = Breaker::default();
        assert!((1..LIMIT).all(|_| !breaker.record_failure(Failure::Error)));
        assert!(breaker.record_failure(Failure::Error));
    }
}
