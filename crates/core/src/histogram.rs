//! A histogram of durations, without locks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts durations in fixed buckets from ten microseconds to ten seconds.
///
/// Recording takes two relaxed additions, so it may be used on any path that takes microseconds. A parallel
/// reader may see only one of them; the next snapshot includes both.
///
/// ```
/// use std::time::Duration;
///
/// use counterfoil_core::histogram::Histogram;
///
/// let reads = Histogram::default();
/// reads.record(Duration::from_micros(7));
/// reads.record(Duration::from_secs(60));
///
/// let snapshot = reads.snapshot();
/// assert_eq!(snapshot.count(), 2);
/// assert_eq!((snapshot.buckets[0], snapshot.buckets[Histogram::BOUNDS.len()]), (1, 1));
/// ```
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each bound, and one for longer durations.
    buckets: [AtomicU64; Histogram::BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// The count of each bucket, not cumulative. The last one is above all bounds.
    pub buckets: [u64; Histogram::BOUNDS.len() + 1],
    /// The sum of all durations.
    pub sum: Duration,
}

impl Histogram {
    /// The inclusive upper bounds of the buckets in microseconds.
    pub const BOUNDS: [u64; 19] = [
        10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000,
    ];

    /// Records a duration.
    pub fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = Self::BOUNDS.partition_point(|bound| bound * 1_000 < nanos);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The current counts.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            buckets: std::array::from_fn(|at| self.buckets[at].load(Ordering::Relaxed)),
            sum: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

impl HistogramSnapshot {
    /// The number of recorded durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_part_of_its_bucket() {
        let bucket_of = |micros: u64, more: u64| {
            let durations = Histogram::default();
            durations.record(Duration::from_micros(micros) + Duration::from_nanos(more));
            durations.snapshot().buckets.iter().position(|count| *count == 1).unwrap()
        };

        for (at, bound) in Histogram::BOUNDS.into_iter().enumerate() {
            assert_eq!((bucket_of(bound, 0), bucket_of(bound, 1)), (at, at + 1), "{bound}");
        }
    }

    #[test]
    fn parallel_threads_lose_no_count() {
        let durations = Histogram::default();

        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| durations.record(Duration::from_micros(3))));
            }
        });

        let snapshot = durations.snapshot();
        assert_eq!((snapshot.count(), snapshot.sum), (4000, Duration::from_millis(12)));
    }
}
