//! Rate-limit counters in memory, for events that are too frequent to be written: successful logins.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use counterfoil_jose::Time;

use crate::services::login_rate_limiter::limits::RateLimit;
use crate::store::{CounterKey, CounterValue};

/// The number of counters that are kept, some 100 bytes each. At the limit those whose window is over are removed; if
/// all windows are open, all counters start again. Only successful logins create counters, so an unknown client cannot.
const MAX_COUNTERS: usize = 1 << 16;

/// Counters with a time window. They are lost at a restart.
#[derive(Debug, Default)]
pub(super) struct MemoryCounters(Mutex<HashMap<CounterKey, CounterValue>>);

impl MemoryCounters {
    /// Counts one event. The first event starts the window.
    pub(super) fn increment(&self, key: &CounterKey, limit: RateLimit, now: Time) {
        let mut counters = self.counters();
        if counters.len() >= MAX_COUNTERS {
            counters.retain(|_, value| value.resets_at > now);
        }
        if counters.len() >= MAX_COUNTERS {
            counters.clear();
        }
        let first = CounterValue { count: 0, resets_at: now + limit.window };
        let value = counters.entry(key.clone()).or_insert(first);
        if value.resets_at <= now {
            *value = first;
        }
        value.count += 1;
    }

    /// The value of a counter: 0 until `now` if it does not exist or its window is over.
    pub(super) fn value(&self, key: &CounterKey, now: Time) -> CounterValue {
        let value = self.counters().get(key).copied().filter(|value| value.resets_at > now);
        value.unwrap_or(CounterValue { count: 0, resets_at: now })
    }

    fn counters(&self) -> MutexGuard<'_, HashMap<CounterKey, CounterValue>> {
        // The counters are consistent after each statement, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const LIMIT: RateLimit = RateLimit { max: 3, window: Duration::from_secs(60) };

    fn key(name: usize) -> CounterKey {
        CounterKey(name.to_string())
    }

    #[test]
    fn a_counter_starts_again_after_its_window() {
        let (counters, end) = (MemoryCounters::default(), NOON + LIMIT.window);
        counters.increment(&key(1), LIMIT, NOON);
        counters.increment(&key(1), LIMIT, NOON + Duration::from_secs(59));

        let value = counters.value(&key(1), NOON + Duration::from_secs(59));

        assert_eq!((value.count, value.resets_at), (2, end));
        assert_eq!(counters.value(&key(1), end).count, 0);
        counters.increment(&key(1), LIMIT, end);
        assert_eq!(counters.value(&key(1), end).count, 1);
        assert_eq!(counters.value(&key(2), NOON).count, 0);
    }

    #[test]
    fn the_number_of_counters_is_bounded() {
        let counters = MemoryCounters::default();
        for name in 0..MAX_COUNTERS + 10 {
            counters.increment(&key(name), LIMIT, NOON);
        }

        assert!(counters.counters().len() <= MAX_COUNTERS);
    }
}
