//! Logins of the last minute, by result: totals that are noted every few seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The time that counts.
const MINUTE: Duration = Duration::from_secs(60);

/// Logins by result, since the start or in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LoginTotals {
    /// Successful ones.
    pub(crate) accepted: u64,
    /// Those with a wrong name or password.
    pub(crate) refused: u64,
    /// Those that a rate limit refused.
    pub(crate) limited: u64,
}

/// The totals of the last minute, by the uptime at which each was noted.
#[derive(Debug, Default)]
pub(crate) struct RecentLogins(Mutex<VecDeque<(Duration, LoginTotals)>>);

impl RecentLogins {
    /// Notes the totals at this uptime.
    pub(crate) fn note(&self, uptime: Duration, totals: LoginTotals) {
        let mut noted = self.lock();
        noted.push_back((uptime, totals));
        // The newest of those that are a minute old stays: the last minute begins with it.
        while noted.get(1).is_some_and(|(at, _)| *at + MINUTE <= uptime) {
            noted.pop_front();
        }
    }

    /// How many there were in the last minute, if the totals are `now`: since the start if that is not a minute ago.
    pub(crate) fn in_last_minute(&self, now: LoginTotals) -> LoginTotals {
        let before = self.lock().front().map_or_else(LoginTotals::default, |(_, totals)| *totals);
        LoginTotals {
            accepted: now.accepted.saturating_sub(before.accepted),
            refused: now.refused.saturating_sub(before.refused),
            limited: now.limited.saturating_sub(before.limited),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Duration, LoginTotals)>> {
        // The samples are consistent after each statement, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(accepted: u64) -> LoginTotals {
        LoginTotals { accepted, refused: 2 * accepted, limited: 0 }
    }

    #[test]
    fn the_last_minute_begins_with_the_newest_sample_that_is_a_minute_old() {
        let recent = RecentLogins::default();
        assert_eq!(recent.in_last_minute(totals(3)), totals(3), "nothing was noted yet");

        // Ten logins in each interval of five seconds.
        for sample in 0..100 {
            recent.note(Duration::from_secs(5 * sample), totals(10 * sample));
        }

        assert_eq!(recent.in_last_minute(totals(990)), totals(120));
        assert!(recent.lock().len() <= 14);
    }
}
