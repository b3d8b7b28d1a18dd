//! Counters for the hottest paths: each thread counts on cache lines of its own.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many threads count without ever meeting; more of them share.
const STRIPES: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The stripe of this thread; drawn when it counts for the first time.
    static STRIPE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// `N` counters that many threads raise at a time, for a few nanoseconds each.
#[derive(Debug)]
pub(crate) struct Striped<const N: usize>(Box<[Stripe<N>; STRIPES]>);

/// Two cache lines are fetched together on many processors.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe<const N: usize>([AtomicU64; N]);

impl<const N: usize> Striped<N> {
    /// Raises the counter at `place`.
    pub(crate) fn count(&self, place: usize) {
        self.0[stripe()].0[place].fetch_add(1, Ordering::Relaxed);
    }

    /// What the counter at `place` has come to.
    pub(crate) fn total(&self, place: usize) -> u64 {
        self.0.iter().map(|stripe| stripe.0[place].load(Ordering::Relaxed)).sum()
    }
}

impl<const N: usize> Default for Striped<N> {
    fn default() -> Self {
        let stripe = |_| Stripe(std::array::from_fn(|_| AtomicU64::new(0)));
        Self(Box::new(std::array::from_fn(stripe)))
    }
}

fn stripe() -> usize {
    STRIPE.with(|stripe| {
        stripe.get().unwrap_or_else(|| {
            let drawn = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
            stripe.set(Some(drawn));
            drawn
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_threads_count_is_in_the_total() {
        let striped = Striped::<3>::default();

        std::thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| (0..100).for_each(|_| striped.count(1)));
            }
        });

        assert_eq!([0, 1, 2].map(|place| striped.total(place)), [0, 200 * STRIPES as u64, 0]);
    }
}
