//! Quantiles of response times.

use std::time::Duration;

/// The median, the 99th and the 99.9th percentile, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// Half of the times are at most this.
    pub p50: f64,
    /// 99 % of the times are at most this.
    pub p99: f64,
    /// 99.9 % of the times are at most this.
    pub p999: f64,
    /// The number of times.
    pub n: usize,
}

impl Quantiles {
    /// By nearest rank, from all times; `None` without one.
    #[must_use]
    pub fn from_times(times: &mut [Duration]) -> Option<Self> {
        times.sort_unstable();
        let at = |share: f64| {
            let rank = (share * times.len() as f64).ceil() as usize;
            times.get(rank.saturating_sub(1)).map(|time| time.as_nanos() as f64 / 1e3)
        };
        Some(Self { p50: at(0.5)?, p99: at(0.99)?, p999: at(0.999)?, n: times.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut times: Vec<Duration> = (1..=1_000).rev().map(Duration::from_micros).collect();
        let quantiles = Quantiles::from_times(&mut times).unwrap();
        assert_eq!((quantiles.p50, quantiles.p99, quantiles.p999, quantiles.n), (500.0, 990.0, 999.0, 1_000));

        let one = Quantiles::from_times(&mut [Duration::from_millis(2)]).unwrap();
        assert_eq!((one.p50, one.p999), (2_000.0, 2_000.0));
        assert_eq!(Quantiles::from_times(&mut []), None);
    }
}
