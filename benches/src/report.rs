//! The report: the measured rates and ratios, next to their goals.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use comfy_table::{Table, presets};
use counterfoil_load::client::closed_loop::LoadResult;
use counterfoil_load::machine::affinity;
use counterfoil_load::statistics::interval::Interval;
use counterfoil_load::statistics::quantiles::Quantiles;

use crate::row::Row;

/// The number of samples from which an interval is made.
const RESAMPLES: usize = 10_000;

/// The seed of these samples.
const SEED: u64 = 1;

/// One row of one iteration.
pub(crate) struct Sample {
    /// Responses per second.
    rate: f64,
    /// CPU time of the server for each response, in microseconds.
    cpu: f64,
    /// In microseconds.
    p99: f64,
}

impl Sample {
    /// From the client's result and the CPU time that the server used.
    pub(crate) fn new(result: &LoadResult, cpu_time: Duration) -> Self {
        // A run has far fewer responses than the integers that an f64 represents exactly.
        #[expect(clippy::cast_precision_loss)]
        let responses = result.responses() as f64;
        let p99 = Quantiles::from_times(&mut result.times.clone()).map_or(f64::NAN, |times| times.p99);
        Self { rate: result.rate(), cpu: cpu_time.as_secs_f64() * 1e6 / responses, p99 }
    }

    /// Responses per second.
    pub(crate) const fn rate(&self) -> f64 {
        self.rate
    }

    /// CPU time of the server for each response, in microseconds.
    pub(crate) const fn cpu(&self) -> f64 {
        self.cpu
    }

    /// The 99th percentile of the response times, in microseconds.
    pub(crate) const fn p99(&self) -> f64 {
        self.p99
    }
}

/// Every row, measured within a few seconds.
pub(crate) struct Iteration {
    /// Of each row that the server has.
    pub(crate) samples: BTreeMap<Row, Sample>,
    /// ES256 verifications per second, without a server.
    pub(crate) verification_rate: f64,
    /// Argon2id hashes per second, without a server.
    pub(crate) hash_rate: f64,
}

impl Iteration {
    /// The sample of `row`, which the server has.
    pub(crate) fn sample(&self, row: Row) -> &Sample {
        &self.samples[&row]
    }
}

/// Prints the conditions of the run.
pub(crate) fn print_conditions(seconds: f64, iterations: usize, credentials: usize) -> Result<()> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = affinity::core_count();
    let placement =
        if cores > 1 { "server on core 0, client on core 1" } else { "server and client share a core" };
    println!("Linux {}, {cores} cores ({placement}),", kernel.trim());
    println!(
        "{iterations} iterations of {seconds} s for each row, {credentials} sessions and as many ES256 tokens,"
    );
    println!("SQLite with synchronous=FULL\n");
    Ok(())
}

/// Prints the medians over `iterations`.
pub(crate) fn print(iterations: &[Iteration]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "per second", "CPU µs", "p99 ms", "result", "goal", ""]);
    table.add_rows(rows(iterations));
    println!("{}", table.trim_fmt());
    println!(
        "\nEach number is a median over the iterations; a ratio is the median of the ratios within each iteration."
    );
}

fn rows(iterations: &[Iteration]) -> [[String; 7]; 12] {
    let session = compare_to_bare(iterations, Row::Session, Row::Bare, 0.95);
    let cached_token = compare_to_bare(iterations, Row::CachedToken, Row::BareWithToken, 0.95);
    let forwarded = compare_to_bare(iterations, Row::Forwarded, Row::BareForwarded, 0.8);
    [
        row("bare axum route, request with a cookie", iterations, Row::Bare, None),
        row("  request with a JWT", iterations, Row::BareWithToken, None),
        row("protected route, session in a cookie", iterations, Row::Session, Some(session)),
        row("  JWT seen before", iterations, Row::CachedToken, Some(cached_token)),
        row("  JWT not seen before", iterations, Row::UnseenToken, Some(assess_unseen(iterations))),
        primitive_row("  ES256 verification alone", iterations, |i| i.verification_rate),
        row("bare axum route, request of a proxy", iterations, Row::BareForwarded, None),
        row("forward authentication, session in a cookie", iterations, Row::Forwarded, Some(forwarded)),
        row("refresh, durable, 64 concurrent", iterations, Row::Refresh, Some(assess_refresh(iterations))),
        row("  one at a time, one commit each", iterations, Row::SequentialRefresh, None),
        row("login", iterations, Row::Login, Some(assess_login(iterations))),
        primitive_row("  Argon2id hash alone", iterations, |i| i.hash_rate),
    ]
}

/// A result, its goal, and whether the goal is met.
pub(crate) struct Assessment {
    pub(crate) result: String,
    pub(crate) goal: String,
    pub(crate) is_met: bool,
}

impl Assessment {
    fn into_columns(self) -> [String; 3] {
        let status = if self.is_met { "met" } else { "not met" };
        [self.result, self.goal, status.to_owned()]
    }
}

/// Prints the rows that are not request rates.
pub(crate) fn print_other_rows(rows: Vec<(&str, Assessment)>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "result", "goal", ""]);
    for (name, assessment) in rows {
        let [result, goal, status] = assessment.into_columns();
        table.add_row([name.to_owned(), result, goal, status]);
    }
    println!("\n{}", table.trim_fmt());
}

fn compare_to_bare(iterations: &[Iteration], row: Row, bare: Row, goal: f64) -> Assessment {
    let ratio = median(iterations, |i| i.sample(row).rate / i.sample(bare).rate);
    let cpu = median(iterations, |i| i.sample(row).cpu / i.sample(bare).cpu);
    Assessment {
        result: format!("{ratio:.3} of bare (CPU {cpu:.3})"),
        goal: format!(">= {goal} of bare"),
        is_met: ratio >= goal,
    }
}

fn assess_unseen(iterations: &[Iteration]) -> Assessment {
    let ratio = median(iterations, |i| {
        (i.sample(Row::UnseenToken).cpu - i.sample(Row::BareWithToken).cpu) * i.verification_rate / 1e6
    });
    Assessment {
        result: format!("{ratio:.3} of the verification alone, beyond bare"),
        goal: "<= 1.05 of the verification alone".to_owned(),
        is_met: ratio <= 1.05,
    }
}

fn assess_refresh(iterations: &[Iteration]) -> Assessment {
    let rate = median(iterations, |i| i.sample(Row::Refresh).rate);
    let ratio = median(iterations, |i| i.sample(Row::Refresh).rate / i.sample(Row::SequentialRefresh).rate);
    Assessment {
        result: format!("{ratio:.1} of one at a time"),
        goal: ">= 12000/s, >= 2.5 of one at a time".to_owned(),
        is_met: rate >= 12_000.0 && ratio >= 2.5,
    }
}

fn assess_login(iterations: &[Iteration]) -> Assessment {
    // By CPU time on both sides, because both hash on one thread.
    let ratio = median(iterations, |i| 1e6 / i.sample(Row::Login).cpu / i.hash_rate);
    Assessment {
        result: format!("{ratio:.3} of the hash alone (CPU)"),
        goal: ">= 0.95 of the hash alone".to_owned(),
        is_met: ratio >= 0.95,
    }
}

fn row(name: &str, iterations: &[Iteration], row: Row, assessment: Option<Assessment>) -> [String; 7] {
    let [result, goal, status] = assessment.map(Assessment::into_columns).unwrap_or_default();
    [
        name.to_owned(),
        format!("{:.0}", median(iterations, |i| i.sample(row).rate)),
        format!("{:.1}", median(iterations, |i| i.sample(row).cpu)),
        format!("{:.2}", median(iterations, |i| i.sample(row).p99 / 1e3)),
        result,
        goal,
        status,
    ]
}

fn primitive_row(name: &str, iterations: &[Iteration], rate: impl Fn(&Iteration) -> f64) -> [String; 7] {
    let rate = median(iterations, rate);
    let [name, rate, cpu] = [name.to_owned(), format!("{rate:.0}"), format!("{:.1}", 1e6 / rate)];
    [name, rate, cpu, String::new(), String::new(), String::new(), String::new()]
}

fn median(iterations: &[Iteration], value: impl Fn(&Iteration) -> f64) -> f64 {
    median_of(iterations.iter().map(value))
}

/// The median of ratios with its 95 % interval.
pub(crate) fn interval_of(ratios: &[f64]) -> Result<Interval> {
    Interval::by_bootstrap(ratios, RESAMPLES, SEED).context("no iteration was measured")
}

/// The median; the upper one of two middle values.
pub(crate) fn median_of(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
