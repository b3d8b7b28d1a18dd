//! How many users and live sessions there are: the last count, and whether somebody wants the next one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use counterfoil_core::store::SessionsByMode;
use counterfoil_jose::Time;

/// A count of all users and live sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PopulationCount {
    /// The users.
    pub(crate) users: u64,
    /// The live sessions.
    pub(crate) sessions: SessionsByMode,
    /// When the count was complete. It does not include what has changed since.
    pub(crate) counted_at: Time,
}

/// The last count. A background job counts again after it was read, so nothing is counted while no administrator looks.
#[derive(Debug, Default)]
pub(crate) struct Population {
    last: Mutex<Option<PopulationCount>>,
    wanted: Notify,
}

impl Population {
    /// The last count; `None` until the first one is complete.
    pub(crate) fn last(&self) -> Option<PopulationCount> {
        self.wanted.notify_one();
        *self.lock()
    }

    /// Waits until the count was read since the last wait.
    pub(crate) async fn wait_until_wanted(&self) {
        self.wanted.notified().await;
    }

    /// Replaces the count.
    pub(crate) fn set(&self, count: PopulationCount) {
        *self.lock() = Some(count);
    }

    fn lock(&self) -> MutexGuard<'_, Option<PopulationCount>> {
        // A value is replaced in one statement, so a poisoned lock is safe to use.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_count_is_wanted_only_after_the_last_one_was_read() {
        let population = Population::default();
        let is_wanted = || population.wait_until_wanted().now_or_never().is_some();
        assert!(!is_wanted());

        assert_eq!(population.last(), None);
        assert_eq!(population.last(), None);
        assert!(is_wanted());
        assert!(!is_wanted(), "many readers want one count");

        let sessions = SessionsByMode { session: 1, jwt: 2, hybrid: 3 };
        let count =
            PopulationCount { users: 4, sessions, counted_at: Time::from_unix_seconds(1_764_000_000) };
        population.set(count);
        assert!(!is_wanted());
        assert_eq!(population.last(), Some(count));
        assert!(is_wanted());
    }
}
