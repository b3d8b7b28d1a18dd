//! `cargo xtask soak`: the long forms of what the tests do shortly, against a release build.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{packages, workspace};

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// kill, power, sync, storm, herd, slow, timing or endurance; all of them unless said otherwise.
    names: Vec<String>,
    /// How long `endurance` takes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many rounds, points, calls or samples instead of the usual number.
    #[arg(long)]
    rounds: Option<usize>,
    /// What chance follows from; another number is another run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints JSON in place of tables.
    #[arg(long)]
    json: bool,
}

/// Builds the server and the trials for release, and runs them. Close what else runs on the machine: storms, slow
/// clients and timing are judged by the time that things take.
///
/// # Errors
///
/// If a criterion is not met.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::ensure(&packages::TESTING)?;
    let parts = ["--package=counterfoil-cli", "--package=counterfoil-fault-injection"];
    workspace::run(workspace::cargo().args(["build", "--release", "--locked"]).args(parts))?;
    let release = workspace::Metadata::read()?.target_directory.join("release");
    let mut trial = Command::new(release.join("counterfoil-fault-injection"));
    trial.arg(release.join("counterfoil")).args(&options.names);
    trial.arg(format!("--minutes={}", options.minutes)).arg(format!("--seed={}", options.seed));
    if let Some(rounds) = options.rounds {
        trial.arg(format!("--iterations={rounds}"));
    }
    if options.json {
        trial.arg("--json");
    }
    workspace::run(&mut trial)
}
