//! The long forms of the trials: `cargo xtask soak` builds this and the server for release, and runs it.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use counterfoil_fault_injection::program::Program;
use counterfoil_fault_injection::report::{Report, Tick};
use counterfoil_fault_injection::{endurance, herd, kill, power, slow, storm, sync, timing};

/// Puts the server at PROGRAM through trials.
#[derive(Parser)]
struct Options {
    /// The binary to try.
    program: PathBuf,
    /// Which trials; all unless said otherwise.
    #[arg(value_enum)]
    trials: Vec<Trial>,
    /// How long the endurance trial takes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many rounds, points or calls a trial has, where it has any.
    #[arg(long)]
    rounds: Option<usize>,
    /// What chance follows from; another number is another run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints JSON in place of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Trial {
    /// kill -9 under load, 200 rounds.
    Kill,
    /// Loss of power, 100 points.
    Power,
    /// Failing syncs and writes, 400 calls.
    Sync,
    /// A thousand logins at once.
    Storm,
    /// Ten thousand clients refresh in ten seconds, and all at once after an outage.
    Herd,
    /// A thousand slow clients for a minute.
    Slow,
    /// Unknown, disabled and known users, 2,000 samples each.
    Timing,
    /// Logins that come and go, for as long as is asked.
    Endurance,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for; whether every criterion is met.
fn run(options: &Options) -> Result<bool> {
    let program = Program::at(options.program.canonicalize()?);
    let trials = if options.trials.is_empty() { Trial::value_variants() } else { &options.trials };
    let mut reports = Vec::new();
    for trial in trials {
        let report = trial.run(options, &program)?;
        if !options.json {
            println!("{report}\n");
        }
        reports.push(report);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    }
    Ok(reports.iter().all(Report::is_met))
}

impl Trial {
    fn run(self, options: &Options, program: &Program) -> Result<Report> {
        let place = tempfile::Builder::new().prefix("counterfoil-fault-injection-").tempdir()?;
        let place = place.path().canonicalize()?;
        let (seed, place) = (options.seed, place.as_path());
        let many = |otherwise: usize| options.rounds.unwrap_or(otherwise);
        match self {
            Self::Kill => on(self, many(200), &|tick| kill::run(program, place, many(200), seed, tick)),
            Self::Power => on(self, many(100), &|tick| {
                power::run(program, place, many(100), Duration::from_secs(4), seed, tick)
            }),
            Self::Sync => {
                let sweep = sync::Sweep { from: 1, calls: many(400) };
                on(self, sweep.calls, &|tick| sync::run(program, place, sweep, seed, tick))
            }
            Self::Storm => on(self, storm::STEPS, &|tick| storm::run(program, place, tick)),
            Self::Herd => on(self, herd::STEPS, &|tick| herd::run(program, place, herd::Size::FULL, tick)),
            Self::Slow => on(self, slow::STEPS, &|tick| slow::run(program, place, slow::Size::FULL, tick)),
            Self::Timing => on(self, many(2_000), &|tick| timing::run(program, place, many(2_000), tick)),
            Self::Endurance => {
                let (minutes, steps) = (options.minutes, endurance::steps(options.minutes));
                on(self, steps, &|tick| endurance::run(program, place, minutes, tick))
            }
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Runs a trial of so many steps with a bar for whoever watches.
fn on(trial: Trial, steps: usize, run: &dyn Fn(Tick<'_>) -> Result<Report>) -> Result<Report> {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>10} {bar:40} {pos}/{len} {eta}");
    let bar = bar.with_style(style.expect("the template is a constant")).with_message(trial.name());
    let done = Cell::new(0);
    let report = run(&|| {
        done.set(done.get() + 1);
        bar.set_position(done.get());
    });
    bar.finish_and_clear();
    report
}
