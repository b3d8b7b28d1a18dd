//! Scenario `failed-sync`: after a failed sync or write the server acknowledges nothing that is not durable.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::check::{CheckResult, ReuseGrace, check};
use crate::disk::failure::{Call, FailedCall, InjectedFailure, find_failed_call};
use crate::disk::replay::SimulatedDisk;
use crate::disk::shim::Shim;
use crate::disk::trace;
use crate::disk::unsynced::UnsyncedData;
use crate::history::{Entry, History, Operation, Outcome};
use crate::http::{Request, send};
use crate::model::Model;
use crate::program::{LaunchConfig, Program, StartResult, is_single_error_message};
use crate::report::{Progress, Report};
use crate::rng::Rng;
use crate::server::Server;
use crate::workload::Workload;

/// The number of clients.
const CLIENTS: usize = 3;

/// The first hundred calls of each kind fail one by one; after them random calls from a range of this length.
const RANDOM_RANGE: usize = 2_000;

/// How long to wait until the server makes the failing call.
const FAILURE_TIMEOUT: Duration = Duration::from_secs(8);

/// How long clients go on after the failure.
const LOAD_AFTER_FAILURE: Duration = Duration::from_millis(60);

/// Which calls fail, one in each run.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// The number of the first failing sync, from 1. A new database needs about 20 syncs and eight times as
    /// many writes.
    pub first_call: usize,
    /// The number of runs.
    pub count: usize,
}

impl Sweep {
    /// The failure of run `number`: syncs and writes alternate, the first hundred of each one by one.
    fn failure(self, number: usize, rng: &mut Rng) -> InjectedFailure {
        let next = self.first_call + number / 2;
        let call_number = if number / 2 < 100 { next } else { next.max(100) + rng.below(RANDOM_RANGE) };
        match number % 2 {
            0 => InjectedFailure::io_error(Call::Sync, call_number),
            _ => {
                let writes_per_sync = if self.first_call > 1 { 8 } else { 1 };
                InjectedFailure::io_error(Call::Write, call_number * writes_per_sync)
            }
        }
    }
}

/// Lets one call fail in each run; a run starts with an empty data directory in `dir`.
///
/// After the failure the server is killed and started again, under load. Then the power fails and all
/// unsynced data is lost. Everything that was acknowledged must still be there.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, sweep: Sweep, seed: u64, progress: Progress<'_>) -> Result<Report> {
    let mut rng = Rng::from_seed(seed);
    let mut test = FailureTest { program, shim: Shim::compile(dir)?, summary: Summary::default() };
    for number in 0..sweep.count {
        let failure = sweep.failure(number, &mut rng);
        let run = Run { dir: dir.join(format!("{number}")), failure, seed: rng.next_u64() };
        test.execute(&run).with_context(|| format!("{failure:?}, seed {seed}"))?;
        progress();
    }
    Ok(test.summary.report(sweep.count))
}

/// One run: its directory, the call that fails, and the seed of its random choices.
struct Run {
    dir: PathBuf,
    failure: InjectedFailure,
    seed: u64,
}

impl Run {
    fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// The I/O trace of the server that fails (0) or of the one that is started after it (1).
    fn trace_file(&self, number: usize) -> PathBuf {
        self.dir.join(format!("trace-{number}"))
    }
}

/// What the servers did after the failure.
#[derive(Default)]
struct Summary {
    /// The server exited during its start, with an error message.
    exited: usize,
    /// It stayed up and rejected further writes.
    read_only: usize,
    /// It stayed up and accepted writes: the failed call was not needed for durability.
    unaffected: usize,
    /// It never made the call.
    never_called: usize,
    /// The number of acknowledged operations.
    acknowledged: usize,
    result: CheckResult,
}

impl Summary {
    fn report(self, runs: usize) -> Report {
        let Self { exited, read_only, unaffected, never_called, acknowledged, result } = self;
        let mut report = Report::new("failed-sync");
        report.add_measurement("runs with a failed call", runs - never_called);
        report.add_measurement("exited during the start", exited);
        report.add_measurement("stayed up, rejected writes", read_only);
        report.add_measurement("stayed up, accepted writes", unaffected);
        report.add_measurement("runs without the call", never_called);
        report.add_criterion("acknowledged operations", "> 0", acknowledged, acknowledged > 0);
        report.add_measurement(
            "sessions, accounts checked",
            format!("{}, {}", result.sessions(), result.accounts),
        );
        report.add_violations("violations", result.violations);
        report
    }
}

struct FailureTest<'a> {
    program: &'a Program,
    shim: Shim,
    summary: Summary,
}

impl FailureTest<'_> {
    fn execute(&mut self, run: &Run) -> Result<()> {
        fs::create_dir_all(run.data_dir())?;
        let config = self.shim.with_trace(LaunchConfig::new(run.data_dir()), &run.trace_file(0));
        let history = Arc::new(History::default());
        match self.program.try_start(&self.shim.with_failure(config, run.failure))? {
            StartResult::Exited { stderr, .. } => {
                self.summary.exited += 1;
                if !is_single_error_message(&stderr) {
                    self.report(run, &format!("exited without a single error message: {stderr}"));
                }
            }
            StartResult::Serving(server) => self.fail_under_load(run, server, &history)?,
        }
        self.restart_and_lose_power(run, &history)?;
        fs::remove_dir_all(&run.dir)?;
        Ok(())
    }

    /// Runs clients until shortly after the failure, then kills the server.
    fn fail_under_load(&mut self, run: &Run, mut server: Server, history: &Arc<History>) -> Result<()> {
        let admin_key = self.program.create_admin_key(&LaunchConfig::new(run.data_dir()));
        let admin_key = admin_key.unwrap_or_default();
        let workload = Workload::start(CLIENTS, server.address, &admin_key, history, run.seed);
        let failed = wait_for_failed_call(run)?;
        sleep(LOAD_AFTER_FAILURE);
        let is_running = server.exit_status()?.is_none();
        let accepts_writes = is_running && accepts_writes(&server)?;
        workload.stop();
        let stderr = server.stderr()?;
        server.kill()?;

        let Some(failed) = failed else {
            self.summary.never_called += 1;
            return Ok(());
        };
        match (is_running, accepts_writes) {
            (false, _) => self.report(run, &format!("the server exited: {stderr}")),
            (true, true) => self.summary.unaffected += 1,
            (true, false) => self.summary.read_only += 1,
        }
        if stderr.contains("panicked") {
            self.report(run, &stderr);
        }
        self.check_acknowledged_after(run, &failed, history);
        // Without an admin key the revocations of the clients get 401, which is not a violation.
        for unexpected in history.unexpected_responses().into_iter().filter(|_| !admin_key.is_empty()) {
            self.report(run, &unexpected);
        }
        Ok(())
    }

    /// After a failed sync of a file, no operation that started later is acknowledged.
    fn check_acknowledged_after(&mut self, run: &Run, failed: &FailedCall, history: &History) {
        if run.failure.call != Call::Sync || failed.is_directory {
            return;
        }
        let entries = history.entries();
        let count = entries.iter().filter(|entry| is_acknowledged_write(entry, failed.at)).count();
        if count > 0 {
            self.report(run, &format!("{count} operations that started later were acknowledged"));
        }
    }

    /// Restarts the server under load and checks it; then the power fails, and it is checked again.
    fn restart_and_lose_power(&mut self, run: &Run, history: &Arc<History>) -> Result<()> {
        let config = self.shim.with_trace(LaunchConfig::new(run.data_dir()), &run.trace_file(1));
        let server = self.program.start(&config)?;
        let mut model = Model::from_history(history);
        let result = check(&mut model, server.address, ReuseGrace::Enabled, run.seed)?;
        self.summary.result.add(result);
        let later_history = Arc::new(History::default());
        let workload = Workload::start(1, server.address, "", &later_history, run.seed ^ 1);
        sleep(LOAD_AFTER_FAILURE);
        server.kill()?;
        workload.stop();
        model.apply(&later_history.entries(), Duration::MAX);
        self.summary.acknowledged += history.acknowledged_count() + later_history.acknowledged_count();

        let restored_dir = run.dir.join("restored");
        restore_synced_data(run, &restored_dir)?;
        let server = self.program.start(&LaunchConfig::new(&restored_dir))?;
        let result = check(&mut model, server.address, ReuseGrace::Enabled, run.seed)?;
        self.summary.result.add(result);
        Ok(())
    }

    fn report(&mut self, run: &Run, violation: &str) {
        let InjectedFailure { call, first, .. } = run.failure;
        self.summary.result.violations.push(format!("{} {first}: {violation}", call.as_str()));
    }
}

/// Writes to `restored_dir` what both servers of a run have synced.
fn restore_synced_data(run: &Run, restored_dir: &Path) -> Result<()> {
    let mut disk = SimulatedDisk::new(&run.data_dir());
    for number in [0, 1] {
        disk.close_all_descriptors();
        for call in trace::read(&run.trace_file(number))? {
            disk.replay_until(&call, Duration::MAX);
        }
    }
    disk.write_image(restored_dir, UnsyncedData::Lost, &mut Rng::from_seed(run.seed))
}

/// The failed call, as soon as the trace holds it; `None` if it does not come in time.
fn wait_for_failed_call(run: &Run) -> Result<Option<FailedCall>> {
    let started_at = Instant::now();
    while started_at.elapsed() < FAILURE_TIMEOUT {
        let calls = trace::read(&run.trace_file(0))?;
        let failed = find_failed_call(&calls, run.failure.call, &run.data_dir());
        if failed.is_some() {
            return Ok(failed);
        }
        sleep(Duration::from_millis(20));
    }
    Ok(None)
}

/// Whether an operation started after `time` and was acknowledged although it needs a write. A repeated
/// refresh that returns the token of the request within the grace period writes nothing, so acknowledging it
/// is right.
fn is_acknowledged_write(entry: &Entry, time: Duration) -> bool {
    let Some((_, Outcome::Acknowledged(credentials))) = &entry.completed else { return false };
    let is_repeated = matches!(&entry.operation, Operation::Refresh { refresh_token, .. }
        if credentials.refresh_token.as_ref() == Some(refresh_token));
    entry.started_at > time && !is_repeated
}

fn accepts_writes(server: &Server) -> Result<bool> {
    let body = json!({ "username": "latecomer", "password": "correct horse battery staple" });
    let response = send(server.address, &Request::post("/v1/register").json(&body))?;
    Ok(matches!(response.status, 201 | 409))
}
