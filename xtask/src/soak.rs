//! `cargo xtask soak`: the long fault-injection scenarios, against a build with the profile `dist`, and the long form of the
//! model and the simulation of the revocation feed, of the copy of a store, and of the checks of the pages.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{interop_tools, packages, workspace};

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// The scenarios: kill, power-loss, failed-sync, bystanders, load-spike, thundering-herd, slow-clients, timing,
    /// revocation-latency, fleet-wait, cut-off, feed-crash, reconnection, rolling-restart, killed-node, endurance; models,
    /// the model and the simulation of the revocation feed; store-copy, which moves a store of a million sessions and kills the
    /// command; failover, 20 promotions of a synchronous standby of PostgreSQL under load; sentinel, 50 failovers of Redis;
    /// histories, random histories on all stores; redis-memory, the memory of 100,000 sessions in Redis; pages, which are checked
    /// at each width, in each color scheme and direction; and console, the time of each list of the console with a million users,
    /// sessions and audit events. By default all of them.
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

/// The scenarios that are no fault injection.
const MODELS: &str = "models";
const STORE_COPY: &str = "store-copy";
const FAILOVER: &str = "failover";
const SENTINEL: &str = "sentinel";
const HISTORIES: &str = "histories";
const REDIS_MEMORY: &str = "redis-memory";
const PAGES: &str = "pages";
const CONSOLE: &str = "console";

/// How many sessions are copied, with a tenth as many users.
const COPIED_SESSIONS: usize = 1_000_000;

/// How many failovers of PostgreSQL and of Redis there are, and how many random histories.
const FAILOVERS: usize = 20;
const SENTINEL_ROUNDS: usize = 50;
const RANDOM_HISTORIES: usize = 200;

/// How many sessions are stored in Redis.
const REDIS_SESSIONS: usize = 100_000;

/// How many users, sessions and audit events the console lists.
const CONSOLE_ROWS: usize = 1_000_000;

/// How many schedules of the simulation run.
const SCHEDULES: u64 = 200_000;

/// Runs the scenarios. Stop other programs first: load spikes, slow clients and timing are measured by the clock.
///
/// # Errors
///
/// If a criterion is not met.
pub(crate) fn run(options: &Options) -> Result<()> {
    let is_all = options.scenarios.is_empty();
    let has = |scenario: &str| is_all || options.scenarios.iter().any(|name| name == scenario);
    let others = [MODELS, STORE_COPY, FAILOVER, SENTINEL, HISTORIES, REDIS_MEMORY, PAGES, CONSOLE];
    let is_injected = |name: &&String| !others.contains(&name.as_str());
    let injected: Vec<&String> = options.scenarios.iter().filter(is_injected).collect();
    if has(MODELS) {
        run_models(options)?;
    }
    if has(STORE_COPY) {
        copy_store(options)?;
    }
    if has(FAILOVER) {
        fail_over(options)?;
    }
    if has(SENTINEL) {
        let rounds = options.iterations.unwrap_or(SENTINEL_ROUNDS);
        test_redis("sentinel::", ("COUNTERFOIL_SENTINEL_ROUNDS", rounds.to_string()), options)?;
    }
    if has(HISTORIES) {
        let histories = options.iterations.unwrap_or(RANDOM_HISTORIES);
        test_redis("all_stores::", ("COUNTERFOIL_HISTORIES", histories.to_string()), options)?;
    }
    if has(REDIS_MEMORY) {
        measure_redis_memory(options)?;
    }
    if has(PAGES) {
        check_pages()?;
    }
    if has(CONSOLE) {
        measure_console(options)?;
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

/// Copies a store from PostgreSQL to SQLite and back, and kills each copy twice.
fn copy_store(options: &Options) -> Result<()> {
    packages::ensure_for_tests(true)?;
    let mut tests = workspace::cargo();
    tests.args(["test", "--profile=dist", "--locked", "--package=counterfoil-cli", "--features=postgres"]);
    tests.args(["--test=store_copy", "--", "--nocapture", "a_copy_that_is_killed_twice"]);
    let sessions = options.iterations.unwrap_or(COPIED_SESSIONS);
    workspace::run(tests.env("COUNTERFOIL_STORE_COPY_SESSIONS", sessions.to_string()))
}

/// Kills the primary of PostgreSQL under load and promotes its synchronous standby.
fn fail_over(options: &Options) -> Result<()> {
    packages::ensure_for_tests(true)?;
    let mut tests = workspace::cargo();
    tests.args(["test", "--profile=dist", "--locked", "--package=counterfoil-cli", "--features=postgres"]);
    tests.args(["--test=failover", "--", "--nocapture"]);
    let failovers = options.iterations.unwrap_or(FAILOVERS);
    workspace::run(tests.env("COUNTERFOIL_FAILOVERS", failovers.to_string()))
}

/// Stores many sessions in a Redis server and prints how much memory each takes, beside those of express-session.
fn measure_redis_memory(options: &Options) -> Result<()> {
    let sessions = options.iterations.unwrap_or(REDIS_SESSIONS);
    test_redis("memory::", ("COUNTERFOIL_REDIS_SESSIONS", sessions.to_string()), options)
}

/// Runs tests of the shared cache, with the size of their long form.
fn test_redis(tests: &str, (name, value): (&str, String), options: &Options) -> Result<()> {
    packages::ensure_for_tests(true)?;
    let mut test = workspace::cargo();
    test.args(["test", "--release", "--locked", "--package=counterfoil-redis", "--test=redis"]);
    test.args(["--", tests, "--nocapture"]).env(name, value);
    workspace::run(test.env("COUNTERFOIL_SEED", options.seed.to_string()))
}

/// Checks each page with axe in every combination of width, color scheme and direction.
fn check_pages() -> Result<()> {
    packages::ensure_for_tests(false)?;
    let mut test = workspace::cargo();
    test.args(["test", "--locked", "--package=counterfoil-pages", "--test=rendering", "--", "browser::"]);
    test.env(interop_tools::FOLDER, interop_tools::find(false)?);
    workspace::run(test.env("COUNTERFOIL_ALL_PAGES", "1").env("COUNTERFOIL_REQUIRE", "all"))
}

/// Measures each list of the console with many records.
fn measure_console(options: &Options) -> Result<()> {
    let mut test = workspace::cargo();
    test.args(["test", "--profile=dist", "--locked", "--package=counterfoil", "--all-features"]);
    test.args(["--test=pages", "--", "--nocapture", "every_list_of_the_console"]);
    let rows = options.iterations.unwrap_or(CONSOLE_ROWS);
    workspace::run(test.env("COUNTERFOIL_CONSOLE_ROWS", rows.to_string()))
}

/// Builds the server and the fault injection, and runs these scenarios, or all.
fn inject_faults(options: &Options, scenarios: &[&String]) -> Result<()> {
    packages::ensure_for_tests(true)?;
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
