//! `cargo xtask bench`: builds the benchmark with the profile `dist` and runs it.

use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use crate::packages::{self, Tool};
use crate::{bench_before, interop_tools, verification_cost, workspace};

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
    /// The measurements: requests, sessions-1m, revocations, process; by default all of them. Three stand alone:
    /// `verify` compares the verification of tokens with other libraries, `instructions` counts the instructions of a request,
    /// and `stores` checks sessions through each store and cache, beside tower-sessions and express-session.
    measurements: Vec<String>,
    /// Prints JSON instead of tables; only for `stores`.
    #[arg(long)]
    json: bool,
}

/// Builds and runs the benchmark. Stop other programs first, because they change the results.
pub(crate) fn run(options: &Options) -> Result<()> {
    let stands_alone = matches!(&options.measurements[..], [one] if ["verify", "instructions", "stores"].contains(&one.as_str()));
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
    let has_stores = options.measurements == ["stores"];
    bench.arg(if has_stores { "stores" } else { "run" });
    bench.arg(format!("--seconds={}", options.seconds));
    bench.arg(format!("--iterations={}", options.iterations));
    bench.arg(format!("--credentials={}", options.credentials));
    if has_stores {
        packages::ensure_for_tests(true)?;
        bench.arg("--baselines").arg(verification_cost::build()?);
        bench.arg("--express").arg(interop_tools::express_sessions()?);
        bench.args(options.json.then_some("--json"));
        return workspace::run(&mut bench);
    }
    bench.args(before.iter().flat_map(|program| ["--before".as_ref(), program.as_os_str()]));
    bench.arg("--binary").arg(target.join("dist/counterfoil"));
    bench.args(&options.measurements);
    workspace::run(&mut bench)
}
