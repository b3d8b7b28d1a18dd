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

impl Sample {
    /// Answers a second.
    pub(crate) const fn rate(&self) -> f64 {
        self.rate
    }

    /// Processor time of the server for each answer, in microseconds.
    pub(crate) const fn cpu(&self) -> f64 {
        self.cpu
    }
}

/// Every row, measured within a few seconds.
pub(crate) struct Round {
    /// What is sent a session token.
    pub(crate) bare: Sample,
    /// What is sent an access token, which is five times as long.
    pub(crate) bare_with_token: Sample,
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
        row("bare axum route, sent a cookie", rounds, |round| &round.bare, None),
        row("  sent a JWT", rounds, |round| &round.bare_with_token, None),
        row(
            "the same, session in a cookie",
            rounds,
            |round| &round.session,
            Some(of_bare(rounds, |r| &r.session, |r| &r.bare)),
        ),
        row(
            "the same, JWT seen before",
            rounds,
            |round| &round.warm,
            Some(of_bare(rounds, |r| &r.warm, |r| &r.bare_with_token)),
        ),
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
pub(crate) struct Verdict {
    pub(crate) reached: String,
    pub(crate) goal: String,
    pub(crate) is_met: bool,
}

impl Verdict {
    const fn word(&self) -> &'static str {
        if self.is_met { "met" } else { "not met" }
    }
}

/// Prints what is no rate.
pub(crate) fn show_others(rows: Vec<(&str, Verdict)>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "reached", "goal", ""]);
    for (name, verdict) in rows {
        let met = verdict.word().to_owned();
        table.add_row([name.to_owned(), verdict.reached, verdict.goal, met]);
    }
    println!("\n{}", table.trim_fmt());
}

fn of_bare(
    rounds: &[Round],
    sample: impl Fn(&Round) -> &Sample,
    bare: impl Fn(&Round) -> &Sample,
) -> Verdict {
    let ratio = median(rounds, |round| sample(round).rate / bare(round).rate);
    let cpu = median(rounds, |round| sample(round).cpu / bare(round).cpu);
    Verdict {
        reached: format!("{ratio:.3} of bare (CPU {cpu:.3})"),
        goal: ">= 0.95 of bare".to_owned(),
        is_met: ratio >= 0.95,
    }
}

fn cold(rounds: &[Round]) -> Verdict {
    let ratio =
        median(rounds, |round| (round.cold.cpu - round.bare_with_token.cpu) * round.verification / 1e6);
    Verdict {
        reached: format!("{ratio:.3} of the raw signature, over bare"),
        goal: "<= 1.05 of the raw signature".to_owned(),
        is_met: ratio <= 1.05,
    }
}

fn refresh(rounds: &[Round]) -> Verdict {
    let rate = median(rounds, |round| round.refresh.rate);
    let ratio = median(rounds, |round| round.refresh.rate / round.one_refresh.rate);
    Verdict {
        reached: format!("{ratio:.1} of one at a time"),
        goal: ">= 12000/s, >= 2.5 of one at a time".to_owned(),
        is_met: rate >= 12_000.0 && ratio >= 2.5,
    }
}

fn login(rounds: &[Round]) -> Verdict {
    // By processor time on both sides: one thread hashes here as there.
    let ratio = median(rounds, |round| 1e6 / round.login.cpu / round.hash);
    Verdict {
        reached: format!("{ratio:.3} of the bare hash (CPU)"),
        goal: ">= 0.95 of the bare hash".to_owned(),
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
        Some(verdict) => {
            let met = verdict.word().to_owned();
            [verdict.reached, verdict.goal, met]
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
    median_of(rounds.iter().map(value))
}

/// The middle one.
pub(crate) fn median_of(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
