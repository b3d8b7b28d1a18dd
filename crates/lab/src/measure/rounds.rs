//! Rounds: each row once, in an order that is drawn again each time. A ratio is taken within a round, because the speed of a
//! machine changes from minute to minute.

use std::time::Duration;

use counterfoil_load::client::closed_loop::LoadResult;
use counterfoil_load::statistics::interval::Interval;

use crate::rig::express::SecretForm;
use crate::rig::mode::Mode;

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// The bare handler, with the credentials of this mode.
    Bare(Mode),
    /// `Bare(Session)` again: what no difference looks like.
    BareAgain,
    /// The handler behind the layer.
    Check(Mode),
    /// The protected route of an Express application.
    Express(SecretForm),
}

/// A row of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Responses per second.
    pub(crate) rate: f64,
    /// Processor time of the server for each response, in microseconds.
    pub(crate) cpu: f64,
    /// The share of one core that the server used.
    busy: f64,
}

impl Sample {
    /// From the client's result and the processor time that the server used.
    pub(crate) fn new(result: &LoadResult, cpu_time: Duration) -> Self {
        Self {
            rate: result.rate(),
            cpu: cpu_time.as_secs_f64() * 1e6 / result.responses().max(1) as f64,
            busy: cpu_time.as_secs_f64() / result.elapsed.as_secs_f64(),
        }
    }
}

/// The rows of a round.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) samples: Vec<(Row, Sample)>,
    /// The share of one core that other processes used meanwhile.
    pub(crate) foreign: f64,
}

impl Round {
    /// The sample of a row.
    pub(crate) fn sample(&self, row: Row) -> Option<Sample> {
        self.samples.iter().find(|(known, _)| *known == row).map(|(_, sample)| *sample)
    }

    /// Whether other processes used more than a tenth of a core, or the client was the limit: the server's core was busy for
    /// less than 90 % of a row. Without a core for each the second one cannot be seen.
    pub(crate) fn is_disturbed(&self, is_pinned: bool) -> bool {
        let is_limited_by_client = self.samples.iter().any(|(_, sample)| sample.busy < 0.9);
        self.foreign > 0.1 || is_pinned && is_limited_by_client
    }
}

/// The ratios of `row` to `base`, one for each round.
pub(crate) fn ratios(rounds: &[Round], value: fn(Sample) -> f64, row: Row, base: Row) -> Vec<f64> {
    let ratio = |round: &Round| {
        let (row, base) = (value(round.sample(row)?), value(round.sample(base)?));
        (base > 0.0 && row.is_finite()).then(|| row / base)
    };
    rounds.iter().filter_map(ratio).collect()
}

/// Whether a ratio is within what the bare handler differs from itself.
pub(crate) fn is_no_difference(ratio: &Interval, aa: &Interval) -> bool {
    aa.contains(ratio.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64, busy: f64) -> Sample {
        Sample { rate, cpu: 1e6 / rate, busy }
    }

    fn round(bare: f64, check: f64) -> Round {
        let samples =
            vec![(Row::Bare(Mode::Jwt), sample(bare, 0.95)), (Row::Check(Mode::Jwt), sample(check, 0.95))];
        Round { samples, foreign: 0.0 }
    }

    #[test]
    fn a_ratio_is_taken_within_its_round() {
        // The machine is half as fast in the second round.
        let rounds = [round(100.0, 80.0), round(50.0, 40.0)];
        let rates = ratios(&rounds, |sample| sample.rate, Row::Check(Mode::Jwt), Row::Bare(Mode::Jwt));
        assert_eq!(rates, [0.8, 0.8]);
        assert!(ratios(&rounds, |sample| sample.rate, Row::BareAgain, Row::Bare(Mode::Jwt)).is_empty());
    }

    #[test]
    fn a_round_is_disturbed_by_other_processes_and_by_a_slow_client() {
        assert!(!round(1.0, 1.0).is_disturbed(true));
        assert!(Round { foreign: 0.11, ..round(1.0, 1.0) }.is_disturbed(false));
        let slow = Round { samples: vec![(Row::BareAgain, sample(1.0, 0.89))], foreign: 0.0 };
        assert!(slow.is_disturbed(true) && !slow.is_disturbed(false));
    }

    #[test]
    fn what_the_bare_handler_differs_by_itself_is_no_difference() {
        let interval = |median, low, high| Interval { median, low, high, n: 15 };
        let aa = interval(1.0, 0.98, 1.01);
        assert!(is_no_difference(&interval(0.99, 0.9, 1.1), &aa));
        assert!(!is_no_difference(&interval(0.8, 0.7, 1.0), &aa));
    }
}
