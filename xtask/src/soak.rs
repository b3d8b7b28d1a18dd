//! `cargo xtask soak`: the long fault-injection scenarios, against a build with the profile `dist`.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{packages, workspace};

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// The scenarios: kill, power-loss, failed-sync, bystanders, load-spike, thundering-herd, slow-clients, timing,
    /// revocation-latency, fleet-wait, cut-off, feed-crash, reconnection, endurance.
    /// By default all of them.
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

/// Builds the server and the scenarios, and runs them. Stop other programs first: load spikes, slow clients and
/// timing are measured by the clock.
///
/// # Errors
///
/// If a criterion is not met.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::ensure_for_tests(false)?;
    let parts = ["--package=counterfoil-cli", "--package=counterfoil-fault-injection"];
    workspace::run(workspace::cargo().args(["build", "--profile=dist", "--locked"]).args(parts))?;
    let folder = workspace::Metadata::read()?.target_directory.join("dist");
    let mut scenarios = Command::new(folder.join("counterfoil-fault-injection"));
    scenarios.arg(folder.join("counterfoil")).args(&options.scenarios);
    scenarios.arg(format!("--minutes={}", options.minutes)).arg(format!("--seed={}", options.seed));
    if let Some(iterations) = options.iterations {
        scenarios.arg(format!("--iterations={iterations}"));
    }
    if options.json {
        scenarios.arg("--json");
    }
    workspace::run(&mut scenarios)
}
