//! `cargo xtask soak`: the long fault-injection scenarios, against a build with the profile `dist`, and the long form of the
//! model and the simulation of the revocation feed.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{packages, workspace};

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// The scenarios: kill, power-loss, failed-sync, bystanders, load-spike, thundering-herd, slow-clients, timing,
    /// revocation-latency, fleet-wait, cut-off, feed-crash, reconnection, endurance; and models, the model and the simulation
    /// of the revocation feed. By default all of them.
    scenarios: Vec<String>,
    /// How many minutes `endurance` takes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The number of iterations of each scenario, instead of its default.
    #[arg(long)]
    iterations: Option<usize>,
    /// The seed of the random numbers. The same seed repeats a run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// The scenario that is no fault injection.
const MODELS: &str = "models";

/// How many schedules of the simulation run.
const SCHEDULES: u64 = 200_000;

/// Runs the scenarios. Stop other programs first: load spikes, slow clients and timing are measured by the clock.
///
/// # Errors
///
/// If a criterion is not met.
pub(crate) fn run(options: &Options) -> Result<()> {
    let is_all = options.scenarios.is_empty();
    let injected: Vec<&String> = options.scenarios.iter().filter(|name| *name != MODELS).collect();
    if is_all || injected.len() < options.scenarios.len() {
        run_models(options)?;
    }
    if is_all || !injected.is_empty() { inject_faults(options, &injected) } else { Ok(()) }
}

/// The model with wider bounds, and more schedules of the simulation.
fn run_models(options: &Options) -> Result<()> {
    let mut tests = workspace::cargo();
    tests.args(["test", "--profile=dist", "--locked", "--package=counterfoil-models", "--", "--nocapture"]);
    let schedules = options.iterations.map_or(SCHEDULES, |iterations| iterations as u64);
    tests.env("COUNTERFOIL_LONG_MODELS", "1").env("COUNTERFOIL_SCHEDULES", schedules.to_string());
    workspace::run(tests.env("COUNTERFOIL_SEED", options.seed.to_string()))
}

/// Builds the server and the fault injection, and runs these scenarios, or all.
fn inject_faults(options: &Options, scenarios: &[&String]) -> Result<()> {
    packages::ensure_for_tests(false)?;
    let parts = ["--package=counterfoil-cli", "--package=counterfoil-fault-injection"];
    workspace::run(workspace::cargo().args(["build", "--profile=dist", "--locked"]).args(parts))?;
    let folder = workspace::Metadata::read()?.target_directory.join("dist");
    let mut injection = Command::new(folder.join("counterfoil-fault-injection"));
    injection.arg(folder.join("counterfoil")).args(scenarios);
    injection.arg(format!("--minutes={}", options.minutes)).arg(format!("--seed={}", options.seed));
    if let Some(iterations) = options.iterations {
        injection.arg(format!("--iterations={iterations}"));
    }
    if options.json {
        injection.arg("--json");
    }
    workspace::run(&mut injection)
}
