//! Scenario `power-loss`: starts a server on the disk as a power loss could leave it, at many points in time.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::check::{CheckResult, ReuseGrace, check};
use crate::disk::replay::SimulatedDisk;
use crate::disk::shim::Shim;
use crate::disk::trace::{self, TracedCall};
use crate::disk::unsynced::UnsyncedData;
use crate::history::History;
use crate::model::Model;
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report};
use crate::rng::Rng;
use crate::workload::Workload;

/// The number of clients.
const CLIENTS: usize = 4;

/// Traces a server under load for `load_time`, from its first start with an empty data directory, and checks
/// a server on the disk as a power loss at each of `points` points in time could leave it. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(
    program: &Program,
    dir: &Path,
    points: usize,
    load_time: Duration,
    seed: u64,
    progress: Progress<'_>,
) -> Result<Report> {
    let data_dir = dir.join("data");
    let (history, calls) = trace_load(program, dir, &data_dir, load_time, seed)?;
    let mut rng = Rng::from_seed(seed);
    let mut result = CheckResult::default();
    let (mut disk, mut replayed) = (SimulatedDisk::new(&data_dir), 0);
    for (number, time) in choose_times(points, &history, &calls, &mut rng).into_iter().enumerate() {
        while calls.get(replayed).is_some_and(|call| disk.replay_until(call, time)) {
            replayed += 1;
        }
        let unsynced = UnsyncedData::ALL[number % UnsyncedData::ALL.len()];
        let restored_dir = dir.join(format!("{number}"));
        disk.write_image(&restored_dir, unsynced, &mut rng)?;
        let mut model = Model::at_time(&history, time);
        let checked = check_restored(program, &restored_dir, &mut model, rng.next_u64());
        result.add(checked.with_context(|| format!("point {number}, seed {seed}, {unsynced:?}"))?);
        progress();
    }
    Ok(report(points, &calls, &history, result))
}

/// Runs a traced server under load, and kills it.
fn trace_load(
    program: &Program,
    dir: &Path,
    data_dir: &Path,
    load_time: Duration,
    seed: u64,
) -> Result<(Arc<History>, Vec<TracedCall>)> {
    fs::create_dir(data_dir)?;
    let (shim, trace_file) = (Shim::compile(dir)?, dir.join("trace"));
    let server = program.start(&shim.with_trace(LaunchConfig::new(data_dir), &trace_file))?;
    let admin_key = program.create_admin_key(&LaunchConfig::new(data_dir))?;
    let history = Arc::new(History::default());
    let workload = Workload::start(CLIENTS, server.address, &admin_key, &history, seed);
    sleep(load_time);
    server.kill()?;
    workload.stop();
    Ok((history, trace::read(&trace_file)?))
}

/// Points in time, in order: half of them random, half directly after a response, when nothing that it
/// acknowledges may be missing.
fn choose_times(points: usize, history: &History, calls: &[TracedCall], rng: &mut Rng) -> Vec<Duration> {
    let entries = history.entries();
    let responses: Vec<Duration> =
        entries.iter().filter_map(|entry| entry.completed.as_ref().map(|(at, _)| *at)).collect();
    let first = calls.first().map_or(Duration::ZERO, |call| call.started_at);
    let last = calls.last().map_or(Duration::ZERO, |call| call.ended_at);
    let mut times: Vec<Duration> = (0..points)
        .map(|number| match rng.choose(&responses) {
            Some(at) if number % 2 == 0 => *at,
            Some(_) | None => rng.duration_between(first, last),
        })
        .collect();
    times.sort_unstable();
    times
}

/// Starts a server in the restored data directory and checks it against the model.
fn check_restored(program: &Program, data_dir: &Path, model: &mut Model, seed: u64) -> Result<CheckResult> {
    let server = program.start(&LaunchConfig::new(data_dir))?;
    let result = check(model, server.address, ReuseGrace::Enabled, seed)?;
    server.kill()?;
    fs::remove_dir_all(data_dir)?;
    Ok(result)
}

fn report(points: usize, calls: &[TracedCall], history: &History, result: CheckResult) -> Report {
    let CheckResult { active, ended, unknown, reused_tokens: _, accounts, violations } = result;
    let mut report = Report::new("power-loss");
    report.add_measurement("points in time", points);
    report.add_measurement(
        "traced calls, acknowledged operations",
        format!("{}, {}", calls.len(), history.acknowledged_count()),
    );
    report
        .add_measurement("sessions checked: active, ended, unknown", format!("{active}, {ended}, {unknown}"));
    report.add_criterion("accounts checked", "> 0", accounts, accounts > 0);
    report.add_violations("violations", [violations, history.unexpected_responses()].concat());
    report
}
