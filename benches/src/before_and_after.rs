//! Two revisions side by side: what each row has gained or lost.

use comfy_table::{Table, presets};

use crate::report::{Iteration, Sample, median_of};
use crate::row::Row;

/// A row is worse if its rate has fallen, or its CPU time has risen, by more than this share.
const TOLERANCE: f64 = 0.03;

/// Prints the medians of the ratios of each pair of iterations, for the rows that both revisions have.
pub(crate) fn print(before: &[Iteration], after: &[Iteration]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["after, of before", "rate", "CPU", ""]);
    let in_both = |row: &Row| before.iter().all(|iteration| iteration.samples.contains_key(row));
    for row in Row::ALL.into_iter().filter(in_both) {
        let change = Change::of(row, before, after);
        let rate = format!("{:.3}", change.rate);
        table.add_row([
            row.name().to_owned(),
            rate,
            format!("{:.3}", change.cpu),
            change.status().to_owned(),
        ]);
    }
    println!("\n{}", table.trim_fmt());
    println!(
        "\nEach number is the median of the ratios of pairs measured one directly after the other. \"Worse\" is a rate below {:.2} \
         or a CPU time above {:.2}.",
        1.0 - TOLERANCE,
        1.0 + TOLERANCE
    );
}

/// What a row is after a change, as ratios of what it was before.
struct Change {
    rate: f64,
    cpu: f64,
}

impl Change {
    fn of(row: Row, before: &[Iteration], after: &[Iteration]) -> Self {
        let median = |value: fn(&Sample) -> f64| {
            let pairs = before.iter().zip(after);
            median_of(pairs.map(|(before, after)| value(after.sample(row)) / value(before.sample(row))))
        };
        Self { rate: median(Sample::rate), cpu: median(Sample::cpu) }
    }

    fn status(&self) -> &'static str {
        let is_worse = self.rate < 1.0 - TOLERANCE || self.cpu > 1.0 + TOLERANCE;
        if is_worse { "worse" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counterfoil_load::client::closed_loop::LoadResult;

    use super::*;

    fn iterations(responses: usize, cpu_time: Duration) -> [Iteration; 1] {
        let result =
            LoadResult { elapsed: Duration::from_secs(1), times: vec![Duration::from_millis(1); responses] };
        let samples = Row::ALL.into_iter().map(|row| (row, Sample::new(&result, cpu_time))).collect();
        [Iteration { samples, verification_rate: 1.0, hash_rate: 1.0 }]
    }

    #[test]
    fn a_row_that_is_slower_by_more_than_three_percent_is_worse() {
        let before = iterations(100, Duration::from_millis(100));
        let slightly_slower = iterations(98, Duration::from_millis(98));
        let slower = iterations(96, Duration::from_millis(96));

        assert_eq!(Change::of(Row::Session, &before, &slightly_slower).status(), "");
        assert_eq!(Change::of(Row::Session, &before, &slower).status(), "worse");
    }

    #[test]
    fn a_row_that_takes_more_cpu_time_is_worse() {
        let before = iterations(100, Duration::from_millis(100));
        let after = iterations(100, Duration::from_millis(104));

        assert_eq!(Change::of(Row::Refresh, &before, &after).status(), "worse");
    }
}
