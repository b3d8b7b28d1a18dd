//! Seeded random number generator, so that the random choices of a run can be repeated.

use std::time::Duration;

/// A SplitMix64 generator. The same seed gives the same sequence. Not for secrets.
///
/// ```
/// use counterfoil_fault_injection::rng::Rng;
///
/// let (mut first, mut second) = (Rng::from_seed(7), Rng::from_seed(7));
/// assert_eq!(first.next_u64(), second.next_u64());
/// assert!(first.below(6) < 6);
/// ```
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator that starts from `seed`.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform over all of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1);
        usize::try_from(self.next_u64() % bound as u64).expect("the remainder is below a usize")
    }

    /// True with a probability of `percent` in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A duration from `min` to `max`, in whole microseconds.
    pub fn duration_between(&mut self, min: Duration, max: Duration) -> Duration {
        let range = max.saturating_sub(min).as_micros();
        min + Duration::from_micros(self.next_u64() % u64::try_from(range).unwrap_or(u64::MAX).max(1))
    }

    /// A random element of `items`; `None` if there are none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}
