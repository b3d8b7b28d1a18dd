//! Command line of the fault-injection scenarios, which `cargo xtask soak` runs against a build with the profile `dist`.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use counterfoil_fault_injection::feed::verifier::serve_if_configured;
use counterfoil_fault_injection::feed::verifier_process::VerifierProgram;
use counterfoil_fault_injection::feed::{crash, cut_off, fleet_wait, latency, reconnection};
use counterfoil_fault_injection::nodes::{killed_node, rolling_restart};
use counterfoil_fault_injection::program::Program;
use counterfoil_fault_injection::report::{Progress, Report};
use counterfoil_fault_injection::{
    bystanders, endurance, failed_sync, kill, load_spike, power_loss, slow_clients, thundering_herd, timing,
};

/// Runs fault-injection scenarios against the server binary PROGRAM.
#[derive(Parser)]
struct Options {
    /// The server binary under test.
    program: PathBuf,
    /// The scenarios to run; all by default.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Duration of the `endurance` scenario in minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Number of kills, crash points, failing calls or samples, for scenarios that have such a number.
    #[arg(long)]
    iterations: Option<usize>,
    /// Seed of all random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    /// kill -9 under load, 200 times.
    Kill,
    /// Power loss at 100 points in time.
    PowerLoss,
    /// Failing syncs and writes, 400 calls.
    FailedSync,
    /// Each kind of load from one client, ten seconds each, while another client is measured.
    Bystanders,
    /// 1,000 users log in at once.
    LoadSpike,
    /// 10,000 clients refresh within ten seconds, and all at once after an outage.
    ThunderingHerd,
    /// 1,000 slow clients for one minute.
    SlowClients,
    /// Failed logins of known, disabled and unknown users, 2,000 samples each.
    Timing,
    /// 1,000 logouts until three verifiers refuse, beside two other ways to learn of them.
    RevocationLatency,
    /// Revocations that wait for 100 verifiers, while clients hammer them.
    FleetWait,
    /// The networks of verifiers are cut in four ways, ten times.
    CutOff,
    /// kill -9 of the issuer during 1,000 revocations.
    FeedCrash,
    /// 1,000 verifiers start at once, and reconnect at once.
    Reconnection,
    /// Three nodes behind nginx are restarted in turn, eight times each.
    RollingRestart,
    /// kill -9 of one of three nodes behind nginx, every five seconds, 120 times.
    KilledNode,
    /// Logins that end or expire, for `--minutes`.
    Endurance,
}

fn main() -> ExitCode {
    // A scenario has started this process as a verifier.
    let result =
        serve_if_configured().and_then(|served| if served { Ok(true) } else { run(&Options::parse()) });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the selected scenarios and prints their reports; true if every criterion is met.
fn run(options: &Options) -> Result<bool> {
    let program = Program::new(options.program.canonicalize()?);
    let scenarios =
        if options.scenarios.is_empty() { Scenario::value_variants() } else { &options.scenarios };
    let mut reports = Vec::new();
    for scenario in scenarios {
        let report = scenario.run(options, &program)?;
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

impl Scenario {
    /// Runs the scenario in a temporary directory, with a progress bar.
    fn run(self, options: &Options, program: &Program) -> Result<Report> {
        let temp_dir = tempfile::Builder::new().prefix("counterfoil-fault-injection-").tempdir()?;
        let dir = temp_dir.path().canonicalize()?;
        with_progress_bar(self.name(), self.steps(options), &|progress| {
            self.run_in(&dir, options, program, progress)
        })
    }

    fn run_in(
        self,
        dir: &Path,
        options: &Options,
        program: &Program,
        progress: Progress<'_>,
    ) -> Result<Report> {
        let (seed, steps) = (options.seed, self.steps(options));
        let verifiers = VerifierProgram::current::<&str>([])?;
        let iterations = |default: usize| options.iterations.unwrap_or(default);
        match self {
            Self::Kill => kill::run(program, dir, steps, seed, progress),
            Self::PowerLoss => power_loss::run(program, dir, steps, Duration::from_secs(4), seed, progress),
            Self::FailedSync => {
                let sweep = failed_sync::Sweep { first_call: 1, count: steps };
                failed_sync::run(program, dir, sweep, seed, progress)
            }
            Self::Bystanders => bystanders::run(program, dir, progress),
            Self::LoadSpike => load_spike::run(program, dir, progress),
            Self::ThunderingHerd => thundering_herd::run(program, dir, thundering_herd::Size::FULL, progress),
            Self::SlowClients => slow_clients::run(program, dir, slow_clients::Size::FULL, progress),
            Self::Timing => timing::run(program, dir, steps, progress),
            Self::RevocationLatency => {
                let size = latency::Size {
                    revocations: iterations(latency::Size::FULL.revocations),
                    ..latency::Size::FULL
                };
                latency::run(program, &verifiers, dir, size, progress)
            }
            Self::FleetWait => {
                let size = fleet_wait::Size {
                    revocations: iterations(fleet_wait::Size::FULL.revocations),
                    ..fleet_wait::Size::FULL
                };
                fleet_wait::run(program, &verifiers, dir, size, progress)
            }
            Self::CutOff => {
                let size =
                    cut_off::Size { cuts: iterations(cut_off::Size::FULL.cuts), ..cut_off::Size::FULL };
                cut_off::run(program, &verifiers, dir, size, progress)
            }
            Self::FeedCrash => {
                let size = crash::Size {
                    revocations: iterations(crash::Size::FULL.revocations),
                    ..crash::Size::FULL
                };
                crash::run(program, &verifiers, dir, size, seed, progress)
            }
            Self::Reconnection => reconnection::run(program, dir, reconnection::Size::FULL, progress),
            Self::RollingRestart => {
                let full = rolling_restart::Size::FULL;
                let size = rolling_restart::Size { rounds: iterations(full.rounds), ..full };
                rolling_restart::run(&[program], dir, size, seed, progress)
            }
            Self::KilledNode => {
                let size = killed_node::Size { kills: steps, ..killed_node::Size::FULL };
                killed_node::run(program, dir, size, seed, progress)
            }
            Self::Endurance => endurance::run(program, dir, options.minutes, progress),
        }
    }

    /// The number of steps of the progress bar; for some scenarios also the number of iterations.
    fn steps(self, options: &Options) -> usize {
        let iterations = |default: usize| options.iterations.unwrap_or(default);
        match self {
            Self::Kill => iterations(200),
            Self::PowerLoss => iterations(100),
            Self::FailedSync => iterations(400),
            Self::Bystanders => bystanders::steps(),
            Self::LoadSpike => load_spike::STEPS,
            Self::ThunderingHerd => thundering_herd::STEPS,
            Self::SlowClients => slow_clients::STEPS,
            Self::Timing => iterations(2_000),
            Self::RevocationLatency => latency::STEPS,
            Self::FleetWait => fleet_wait::STEPS,
            Self::CutOff => iterations(cut_off::Size::FULL.cuts),
            // About as many kills.
            Self::FeedCrash => iterations(crash::Size::FULL.revocations).div_ceil(50),
            Self::Reconnection => reconnection::STEPS,
            Self::RollingRestart => {
                rolling_restart::Size::FULL.fleet.nodes * iterations(rolling_restart::Size::FULL.rounds)
            }
            Self::KilledNode => iterations(killed_node::Size::FULL.kills),
            Self::Endurance => endurance::steps(options.minutes),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Runs a scenario of `steps` steps and shows its progress on standard error.
fn with_progress_bar(
    name: String,
    steps: usize,
    run: &dyn Fn(Progress<'_>) -> Result<Report>,
) -> Result<Report> {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:>15} {bar:40} {pos}/{len} {eta}");
    let bar = bar.with_style(style.expect("the template is a constant")).with_message(name);
    let finished_steps = Cell::new(0);
    let report = run(&|| {
        finished_steps.set(finished_steps.get() + 1);
        bar.set_position(finished_steps.get());
    });
    bar.finish_and_clear();
    report
}
