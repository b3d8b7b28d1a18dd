//! Counters for the hottest paths: each thread counts on its own cache lines.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Up to this many threads count without contention; more threads share shards.
const SHARDS: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The shard of this thread, assigned when it counts for the first time.
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// `N` counters that many threads increment at the same time, each in a few nanoseconds.
#[derive(Debug)]
pub(crate) struct ShardedCounter<const N: usize>(Box<[Shard<N>; SHARDS]>);

/// Aligned to 128 bytes, because many processors fetch cache lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<const N: usize>([AtomicU64; N]);

impl<const N: usize> ShardedCounter<N> {
    /// Increments the counter with this index.
    pub(crate) fn increment(&self, index: usize) {
        self.0[shard()].0[index].fetch_add(1, Ordering::Relaxed);
    }

    /// The sum of the counter with this index over all threads.
    pub(crate) fn total(&self, index: usize) -> u64 {
        self.0.iter().map(|shard| shard.0[index].load(Ordering::Relaxed)).sum()
    }
}

impl<const N: usize> Default for ShardedCounter<N> {
    fn default() -> Self {
        let shard = |_| Shard(std::array::from_fn(|_| AtomicU64::new(0)));
        Self(Box::new(std::array::from_fn(shard)))
    }
}

fn shard() -> usize {
    SHARD.with(|shard| {
        shard.get().unwrap_or_else(|| {
            let assigned = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
            shard.set(Some(assigned));
            assigned
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_holds_the_increments_of_every_thread() {
        let counter = ShardedCounter::<3>::default();

        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..100).for_each(|_| counter.increment(1)));
            }
        });

        assert_eq!([0, 1, 2].map(|index| counter.total(index)), [0, 200 * SHARDS as u64, 0]);
    }
}
