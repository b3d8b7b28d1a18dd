//! Counters in memory, each with a window of its own, in a table of bounded size.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counterfoil_jose::Time;

use crate::services::login_rate_limiter::RateLimit;
use crate::store::CounterValue;

/// The number of parts with a lock of their own, so that concurrent requests seldom wait for one another.
const SHARDS: usize = 64;

/// How many counters all parts hold together: about 5 MiB.
pub const MAX_COUNTERS: usize = 1 << 16;

/// Counts events by key. A window begins with the first event that is counted in it.
///
/// The memory is bounded, whatever clients send: when a part is full, counters whose window is over are removed, and then
/// the one with the lowest count. So an attacker with many keys removes counters that are far from their limit, and
/// never the counter that keeps the attacker out. The hash of the keys is random, so that clients cannot choose keys of one
/// part.
pub struct WindowCounters<K> {
    shards: Box<[Mutex<HashMap<K, Window>>]>,
    hasher: RandomState,
    max_per_shard: usize,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    count: u32,
    ends_at: Time,
}

impl<K: Hash + Eq + Clone> Default for WindowCounters<K> {
    fn default() -> Self {
        Self::with_capacity(MAX_COUNTERS)
    }
}

impl<K: Hash + Eq + Clone> WindowCounters<K> {
    /// An empty table that holds at most about this many counters.
    pub fn with_capacity(max_counters: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::new(), max_per_shard: max_counters.div_ceil(SHARDS).max(1) }
    }

    /// Counts one event, unless `limit` is reached. Of any number of concurrent events no more are counted than the limit
    /// allows.
    ///
    /// # Errors
    ///
    /// The time until the end of the window. The event is not counted.
    pub fn count(&self, key: K, limit: RateLimit, now: Time) -> Result<(), Duration> {
        if limit.is_off() {
            return Ok(());
        }
        let mut shard = self.shard(&key);
        if let Some(window) = shard.get_mut(&key).filter(|window| window.ends_at > now) {
            if window.count >= limit.max {
                return Err(window.ends_at.since(now));
            }
            window.count += 1;
            return Ok(());
        }
        if shard.len() >= self.max_per_shard {
            make_room(&mut shard, now);
        }
        shard.insert(key, Window { count: 1, ends_at: now + limit.window });
        Ok(())
    }

    /// Whether an event could be counted now. It counts nothing.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub fn check(&self, key: K, limit: RateLimit, now: Time) -> Result<(), Duration> {
        if limit.is_off() {
            return Ok(());
        }
        match self.shard(&key).get(&key) {
            Some(window) if window.ends_at > now && window.count >= limit.max => {
                Err(window.ends_at.since(now))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The value of a counter: 0 until `now` if it does not exist or its window is over.
    pub fn value(&self, key: &K, now: Time) -> CounterValue {
        let window = self.shard(key).get(key).copied().filter(|window| window.ends_at > now);
        let value = |window: Window| CounterValue { count: window.count.into(), resets_at: window.ends_at };
        window.map_or(CounterValue { count: 0, resets_at: now }, value)
    }

    /// Makes the counter of `key` reach every limit until `ends_at`.
    pub fn fill(&self, key: K, ends_at: Time, now: Time) {
        let mut shard = self.shard(&key);
        if shard.len() >= self.max_per_shard {
            make_room(&mut shard, now);
        }
        shard.insert(key, Window { count: u32::MAX, ends_at });
    }

    /// Forgets the counter of `key`.
    pub fn remove(&self, key: &K) {
        self.shard(key).remove(key);
    }

    /// Takes back one event that was counted but did not happen.
    pub fn take_back(&self, key: K) {
        if let Some(window) = self.shard(&key).get_mut(&key) {
            window.count = window.count.saturating_sub(1);
        }
    }

    /// How many counters there are, also those whose window is over.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether there is no counter.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, Window>> {
        let index = self.hasher.hash_one(key) % SHARDS as u64;
        // Less than `SHARDS`, so it fits.
        lock(&self.shards[index as usize])
    }
}

/// The counters are consistent after each statement, so a poisoned lock is safe to use.
fn lock<K>(shard: &Mutex<HashMap<K, Window>>) -> MutexGuard<'_, HashMap<K, Window>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the counters whose window is over; if there are none, the one with the lowest count.
fn make_room<K: Hash + Eq + Clone>(shard: &mut HashMap<K, Window>, now: Time) {
    let before = shard.len();
    shard.retain(|_, window| window.ends_at > now);
    if shard.len() < before {
        return;
    }
    let lowest = shard.iter().min_by_key(|(_, window)| window.count).map(|(key, _)| key.clone());
    if let Some(key) = lowest {
        shard.remove(&key);
    }
}

impl<K: Hash + Eq + Clone> std::fmt::Debug for WindowCounters<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowCounters").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const LIMIT: RateLimit = RateLimit { max: 3, window: MINUTE };

    #[test]
    fn events_above_the_limit_are_refused_until_the_window_ends() {
        let counters = WindowCounters::default();
        for _ in 0..3 {
            assert_eq!(counters.count(1, LIMIT, NOON), Ok(()));
        }

        assert_eq!(counters.count(1, LIMIT, NOON + MINUTE / 2), Err(MINUTE / 2));
        assert_eq!(counters.check(1, LIMIT, NOON + MINUTE / 2), Err(MINUTE / 2));
        assert_eq!(counters.count(2, LIMIT, NOON), Ok(()), "another key has its own count");
        assert_eq!(counters.count(1, LIMIT, NOON + MINUTE), Ok(()), "a new window begins");
    }

    #[test]
    fn a_limit_that_is_off_counts_nothing() {
        let counters = WindowCounters::default();

        assert_eq!(counters.count(1, RateLimit::OFF, NOON), Ok(()));

        assert!(counters.is_empty());
    }

    #[test]
    fn an_event_that_did_not_happen_is_taken_back() {
        let once = RateLimit { max: 1, window: MINUTE };
        let counters = WindowCounters::default();
        assert_eq!(counters.count(1, once, NOON), Ok(()));

        counters.take_back(1);

        assert_eq!(counters.count(1, once, NOON), Ok(()));
    }

    #[test]
    fn any_number_of_keys_takes_bounded_memory_and_frees_no_counter_at_its_limit() {
        let counters = WindowCounters::with_capacity(SHARDS * 4);
        for _ in 0..3 {
            assert_eq!(counters.count(u32::MAX, LIMIT, NOON), Ok(()));
        }

        for key in 0..100_000 {
            assert_eq!(counters.count(key, LIMIT, NOON), Ok(()));
        }

        assert!(counters.len() <= SHARDS * 4, "{counters:?}");
        assert!(counters.count(u32::MAX, LIMIT, NOON).is_err());
    }

    #[test]
    fn of_parallel_events_only_as_many_are_counted_as_the_limit_allows() {
        let counters = WindowCounters::default();
        let limit = RateLimit { max: 100, window: MINUTE };

        let counted: usize = std::thread::scope(|scope| {
            let threads = (0..8)
                .map(|_| scope.spawn(|| (0..100).filter(|_| counters.count(1, limit, NOON).is_ok()).count()));
            threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).sum()
        });

        assert_eq!(counted, 100);
    }
}
