//! `cargo xtask bench`: builds the benchmark for release and runs it.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{verification, workspace};

/// How long to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each row is measured in each round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many sessions, and how many tokens, are shown in turn.
    #[arg(long, default_value_t = 100_000)]
    credentials: usize,
    /// What to measure: requests, sessions-1m, process; all of them, if nothing is named. Alone: verify, the
    /// verification of tokens beside other libraries.
    what: Vec<String>,
}

/// Runs it. Close what else runs on the machine: the figures are for what it has left.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.what == ["verify"] {
        return verification::run();
    }
    workspace::run(workspace::cargo().args([
        "build",
        "--release",
        "--locked",
        "--package=counterfoil-benches",
        "--package=counterfoil-cli",
    ]))?;
    let target = workspace::Metadata::read()?.target_directory;
    let mut bench = Command::new(target.join("release/counterfoil-bench"));
    bench.arg("run");
    bench.arg(format!("--seconds={}", options.seconds));
    bench.arg(format!("--rounds={}", options.rounds));
    bench.arg(format!("--credentials={}", options.credentials));
    bench.arg("--binary").arg(target.join("release/counterfoil"));
    bench.args(&options.what);
    workspace::run(&mut bench)
}
