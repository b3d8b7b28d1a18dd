//! What was measured, beside what was aimed for.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use comfy_table::{Table, presets};

use crate::load::Driven;
use crate::pin;

/// One row of one round.
pub(crate) struct Sample {
    /// Answers a second.
    rate: f64,
    /// Processor time of the server for each, in microseconds.
    cpu: f64,
    p99: Duration,
}

impl Sample {
    /// From what the client saw and the server used.
    pub(crate) fn of(driven: &Driven, cpu: Duration) -> Self {
        // No run has as many answers as a double has whole numbers.
        #[expect(clippy::cast_precision_loss)]
        let answered = driven.answered as f64;
        let (rate, cpu) = (answered / driven.elapsed.as_secs_f64(), cpu.as_secs_f64() * 1e6 / answered);
        Self { rate, cpu, p99: driven.p99 }
    }
}

/// Every row, measured within a few seconds.
pub(crate) struct Round {
    pub(crate) bare: Sample,
    pub(crate) session: Sample,
    pub(crate) warm: Sample,
    pub(crate) cold: Sample,
    /// Raw ES256 verifications a second.
    pub(crate) verification: f64,
    pub(crate) refresh: Sample,
    pub(crate) one_refresh: Sample,
    pub(crate) login: Sample,
    /// Raw Argon2id hashes a second.
    pub(crate) hash: f64,
}

/// Prints under which conditions.
pub(crate) fn conditions(seconds: f64, rounds: usize, credentials: usize) -> Result<()> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = pin::cores();
    let apart =
        if cores > 1 { "server on core 0, client on core 1" } else { "server and client share a core" };
    println!("Linux {}, {cores} cores ({apart}), {rounds} rounds of {seconds} s a row,", kernel.trim());
    println!("{credentials} sessions and as many ES256 tokens shown in turn, SQLite with synchronous=FULL\n");
    Ok(())
}

/// Prints the medians over `rounds`.
pub(crate) fn show(rounds: &[Round]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "a second", "CPU µs", "p99 ms", "reached", "goal", ""]);
    table.add_rows([
        row("bare axum route", rounds, |round| &round.bare, None),
        row(
            "the same, session in a cookie",
            rounds,
            |round| &round.session,
            Some(of_bare(rounds, |r| &r.session)),
        ),
        row("the same, JWT seen before", rounds, |round| &round.warm, Some(of_bare(rounds, |r| &r.warm))),
        row("the same, JWT never seen", rounds, |round| &round.cold, Some(cold(rounds))),
        primitive("  raw ES256 verification", rounds, |round| round.verification),
        row("refresh, durable, 64 at once", rounds, |round| &round.refresh, Some(refresh(rounds))),
        row("  one at a time, a commit each", rounds, |round| &round.one_refresh, None),
        row("login", rounds, |round| &round.login, Some(login(rounds))),
        primitive("  raw Argon2id hash", rounds, |round| round.hash),
    ]);
    println!("{}", table.trim_fmt());
    println!(
        "\nEach figure is a median over the rounds; a ratio is the median of the ratios within each round."
    );
}

/// What was reached, in words, the goal, and whether it is met.
struct Verdict {
    reached: String,
    goal: &'static str,
    is_met: bool,
}

fn of_bare(rounds: &[Round], sample: impl Fn(&Round) -> &Sample) -> Verdict {
    let ratio = median(rounds, |round| sample(round).rate / round.bare.rate);
    let cpu = median(rounds, |round| sample(round).cpu / round.bare.cpu);
    Verdict {
        reached: format!("{ratio:.3} of bare (CPU {cpu:.3})"),
        goal: ">= 0.95 of bare",
        is_met: ratio >= 0.95,
    }
}

fn cold(rounds: &[Round]) -> Verdict {
    let ratio = median(rounds, |round| (round.cold.cpu - round.bare.cpu) * round.verification / 1e6);
    Verdict {
        reached: format!("{ratio:.3} of the raw signature, over bare"),
        goal: "<= 1.05 of the raw signature",
        is_met: ratio <= 1.05,
    }
}

fn refresh(rounds: &[Round]) -> Verdict {
    let rate = median(rounds, |round| round.refresh.rate);
    let ratio = median(rounds, |round| round.refresh.rate / round.one_refresh.rate);
    Verdict {
        reached: format!("{ratio:.1} of one at a time"),
        goal: ">= 12000/s, >= 2.5 of one at a time",
        is_met: rate >= 12_000.0 && ratio >= 2.5,
    }
}

fn login(rounds: &[Round]) -> Verdict {
    let ratio = median(rounds, |round| round.login.rate / round.hash);
    Verdict {
        reached: format!("{ratio:.3} of the bare hash"),
        goal: ">= 0.95 of the bare hash",
        is_met: ratio >= 0.95,
    }
}

fn row(
    name: &str,
    rounds: &[Round],
    sample: impl Fn(&Round) -> &Sample,
    verdict: Option<Verdict>,
) -> [String; 7] {
    let [reached, goal, met] = match verdict {
        Some(Verdict { reached, goal, is_met }) => {
            [reached, goal.to_owned(), if is_met { "met" } else { "not met" }.to_owned()]
        }
        None => Default::default(),
    };
    [
        name.to_owned(),
        format!("{:.0}", median(rounds, |round| sample(round).rate)),
        format!("{:.1}", median(rounds, |round| sample(round).cpu)),
        format!("{:.2}", median(rounds, |round| sample(round).p99.as_secs_f64() * 1e3)),
        reached,
        goal,
        met,
    ]
}

fn primitive(name: &str, rounds: &[Round], rate: impl Fn(&Round) -> f64) -> [String; 7] {
    let rate = median(rounds, rate);
    let [name, rate, cpu] = [name.to_owned(), format!("{rate:.0}"), format!("{:.1}", 1e6 / rate)];
    [name, rate, cpu, String::new(), String::new(), String::new(), String::new()]
}

fn median(rounds: &[Round], value: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
