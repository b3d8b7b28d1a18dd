//! `cargo xtask bench`: builds the benchmark with the profile `dist` and runs it.

use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use crate::packages::{self, Tool};
use crate::{bench_before, verification_cost, workspace};

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seconds each row is measured in each round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// The number of iterations.
    #[arg(long, default_value_t = 5)]
    iterations: usize,
    /// The number of sessions, and of tokens, that requests present in turn.
    #[arg(long, default_value_t = 100_000)]
    credentials: usize,
    /// A git revision that is measured in turn with what is in the tree: the rates and the CPU time of each request before and after.
    #[arg(long, value_name = "REVISION")]
    before: Option<String>,
    /// The measurements: requests, sessions-1m, revocations, process; by default all of them. Two stand alone: `verify`
    /// compares the verification of tokens with other libraries, and `instructions` counts the instructions of a request.
    measurements: Vec<String>,
}

/// Builds and runs the benchmark. Stop other programs first, because they change the results.
pub(crate) fn run(options: &Options) -> Result<()> {
    let stands_alone = matches!(&options.measurements[..], [one] if one == "verify" || one == "instructions");
    ensure!(options.before.is_none() || !stands_alone, "`--before` compares only the measurement `requests`");
    if options.measurements == ["verify"] {
        return verification_cost::run();
    }
    let target = workspace::Metadata::read()?.target_directory;
    // First, because the build of what is in the tree replaces its program.
    let before =
        options.before.as_deref().map(|revision| bench_before::build(revision, &target)).transpose()?;
    workspace::run(workspace::cargo().args([
        "build",
        "--profile=dist",
        "--locked",
        "--package=counterfoil-benches",
        "--package=counterfoil-cli",
    ]))?;
    let mut bench = Command::new(target.join("dist/counterfoil-bench"));
    if options.measurements == ["instructions"] {
        packages::ensure(&[Tool { program: "valgrind", packages: "valgrind" }])?;
        bench.arg("instructions").arg(format!("--credentials={}", options.credentials));
        return workspace::run(&mut bench);
    }
    bench.arg("run");
    bench.arg(format!("--seconds={}", options.seconds));
    bench.arg(format!("--iterations={}", options.iterations));
    bench.arg(format!("--credentials={}", options.credentials));
    bench.args(before.iter().flat_map(|program| ["--before".as_ref(), program.as_os_str()]));
    bench.arg("--binary").arg(target.join("dist/counterfoil"));
    bench.args(&options.measurements);
    workspace::run(&mut bench)
}
