//! The median of rounds, with an interval by bootstrap.

use crate::statistics::rng::Rng;

/// A median with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The median of the values.
    pub median: f64,
    /// The lower end: 2.5 % of the medians of the samples are below it.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The number of values.
    pub n: usize,
}

impl Interval {
    /// Draws `resamples` samples of `values` with replacement (Efron's percentile bootstrap), and takes the middle 95 % of
    /// their medians. `None` without values.
    #[must_use]
    pub fn by_bootstrap(values: &[f64], resamples: usize, seed: u64) -> Option<Self> {
        let median = median(values)?;
        let mut rng = Rng::from_seed(seed);
        let mut sample = vec![0.0; values.len()];
        let mut draw = || {
            sample.fill_with(|| values[rng.below(values.len())]);
            median_of_unsorted(&mut sample)
        };
        let mut medians: Vec<f64> = (0..resamples.max(1)).map(|_| draw()).collect();
        medians.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| medians[((medians.len() - 1) as f64 * share).round() as usize];
        Some(Self { median, low: at(0.025), high: at(0.975), n: values.len() })
    }

    /// Whether the interval contains `value`.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The median, the mean of the middle two of an even number; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| median_of_unsorted(&mut values.to_vec()))
}

/// The median of at least one value.
fn median_of_unsorted(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 10_000;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn equal_values_have_an_interval_without_width() {
        let interval = Interval::by_bootstrap(&[0.9; 15], DRAWS, 1).unwrap();
        assert_eq!((interval.low, interval.median, interval.high, interval.n), (0.9, 0.9, 0.9, 15));
        assert_eq!(Interval::by_bootstrap(&[], DRAWS, 1), None);
    }

    /// The ends of the interval of a median are order statistics. The median of a sample of 11 values is at most the k-th
    /// value with the probability that a binomial (11, k/11) is at least 6: 0.007 for k = 2, and 0.051 for k = 3.
    #[test]
    fn the_interval_of_eleven_values_is_from_the_third_to_the_ninth() {
        let values: Vec<f64> = (1..=11).map(f64::from).collect();
        for seed in 0..5 {
            let interval = Interval::by_bootstrap(&values, DRAWS, seed).unwrap();
            assert_eq!((interval.low, interval.median, interval.high), (3.0, 6.0, 9.0), "seed {seed}");
        }
    }

    #[test]
    fn the_interval_depends_on_the_seed_only() {
        let values = [0.91, 0.95, 0.90, 0.97, 0.93];
        let first = Interval::by_bootstrap(&values, 200, 3);
        assert_eq!(first, Interval::by_bootstrap(&values, 200, 3));
        let interval = first.unwrap();
        assert!(interval.contains(interval.median) && !interval.contains(1.0));
    }

    #[test]
    fn a_slowdown_of_a_fifth_is_found_and_none_is_not() {
        let mut rng = Rng::from_seed(5);
        let mut noise = || 1.0 + (rng.below(600) as f64 - 300.0) / 10_000.0;
        let same: Vec<f64> = (0..15).map(|_| noise() / noise()).collect();
        let slower: Vec<f64> = (0..15).map(|_| 0.8 * noise() / noise()).collect();

        assert!(Interval::by_bootstrap(&same, DRAWS, 1).unwrap().contains(1.0));
        assert!(Interval::by_bootstrap(&slower, DRAWS, 1).unwrap().high < 0.9);
    }
}
