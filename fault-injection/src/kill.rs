//! Scenario `kill`: kills the server under load, repeatedly; no acknowledged operation is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};

use crate::check::{CheckResult, ReuseGrace, check};
use crate::history::History;
use crate::model::Model;
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_millis};
use crate::rng::Rng;
use crate::server::Server;
use crate::workload::Workload;

/// The number of clients.
const CLIENTS: usize = 4;

/// The longest acceptable start.
const MAX_STARTUP_TIME: Duration = Duration::from_secs(2);

/// Kills a server under load `iterations` times. Checks the model of each iteration after the next start, and
/// the model of all iterations at the end. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(
    program: &Program,
    dir: &Path,
    iterations: usize,
    seed: u64,
    progress: Progress<'_>,
) -> Result<Report> {
    let mut test = KillTest {
        program,
        data_dir: dir.join("data"),
        rng: Rng::from_seed(seed),
        model: Model::default(),
        result: CheckResult::default(),
        max_startup_time: Duration::ZERO,
        acknowledged: 0,
        admin_key: None,
    };
    for iteration in 0..iterations {
        test.run_iteration().with_context(|| format!("iteration {iteration}, seed {seed}"))?;
        progress();
    }
    let server = test.start_server(ReuseGrace::Enabled)?;
    let result = check(&mut test.model, server.address, ReuseGrace::Enabled, seed)?;
    test.result.add(result);
    Ok(test.report(iterations))
}

struct KillTest<'a> {
    program: &'a Program,
    data_dir: PathBuf,
    rng: Rng,
    /// The state after all iterations so far.
    model: Model,
    result: CheckResult,
    max_startup_time: Duration,
    /// The number of acknowledged operations.
    acknowledged: usize,
    admin_key: Option<String>,
}

impl KillTest<'_> {
    /// Starts a server, kills it under load, in some iterations kills it again during recovery, and checks
    /// the next one.
    fn run_iteration(&mut self) -> Result<()> {
        let grace = if self.rng.chance(50) { ReuseGrace::Enabled } else { ReuseGrace::Disabled };
        let history = Arc::new(History::default());
        self.kill_under_load(grace, &history)?;
        self.check_integrity()?;
        if self.rng.chance(25) {
            let delay = self.rng.duration_between(Duration::from_millis(1), Duration::from_millis(60));
            self.program.kill_during_start(&LaunchConfig::new(&self.data_dir), delay)?;
        }

        let server = self.start_server(grace)?;
        let mut model = Model::from_history(&history);
        let mut result = check(&mut model, server.address, grace, self.rng.next_u64())?;
        result.violations.extend(history.unexpected_responses());
        self.result.add(result);
        self.acknowledged += history.acknowledged_count();
        self.model.accounts.append(&mut model.accounts);
        self.model.sessions.append(&mut model.sessions);
        Ok(())
    }

    /// Starts a server and kills it after 50 to 500 ms of load.
    fn kill_under_load(&mut self, grace: ReuseGrace, history: &Arc<History>) -> Result<()> {
        let server = self.start_server(grace)?;
        let admin_key = match &self.admin_key {
            Some(key) => key.clone(),
            None => self.program.create_admin_key(&LaunchConfig::new(&self.data_dir))?,
        };
        let workload = Workload::start(CLIENTS, server.address, &admin_key, history, self.rng.next_u64());
        self.admin_key = Some(admin_key);
        sleep(self.rng.duration_between(Duration::from_millis(50), Duration::from_millis(500)));
        server.kill()?;
        workload.stop();
        Ok(())
    }

    fn start_server(&mut self, grace: ReuseGrace) -> Result<Server> {
        let config =
            LaunchConfig::new(&self.data_dir).with_env("COUNTERFOIL_REFRESH_REUSE_GRACE", grace.setting());
        let server = self.program.start(&config)?;
        self.max_startup_time = self.max_startup_time.max(server.startup_time);
        Ok(server)
    }

    /// Runs SQLite's `integrity_check` on a copy of the database, so that the next start recovers the
    /// original files.
    fn check_integrity(&mut self) -> Result<()> {
        let copy = self.data_dir.with_extension("copy");
        fs::create_dir_all(&copy)?;
        for file in ["counterfoil.db", "counterfoil.db-wal"] {
            let source = self.data_dir.join(file);
            if source.exists() {
                fs::copy(source, copy.join(file))?;
            }
        }
        let database =
            Connection::open_with_flags(copy.join("counterfoil.db"), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let answer: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        drop(database);
        fs::remove_dir_all(&copy)?;
        if answer != "ok" {
            self.result.violations.push(format!("integrity_check: {answer}"));
        }
        Ok(())
    }

    fn report(self, iterations: usize) -> Report {
        let CheckResult { active, ended, unknown, reused_tokens, accounts, violations } = self.result;
        let mut report = Report::new("kill");
        report.add_measurement("kills under load", iterations);
        let acknowledged = self.acknowledged;
        report.add_criterion("acknowledged operations", "> 0", acknowledged, acknowledged > 0);
        report.add_measurement(
            "sessions checked: active, ended, unknown",
            format!("{active}, {ended}, {unknown}"),
        );
        report.add_measurement("reused tokens, accounts checked", format!("{reused_tokens}, {accounts}"));
        report.add_violations("violations", violations);
        let startup_time = self.max_startup_time;
        report.add_criterion(
            "slowest start",
            "< 2 s",
            format_millis(startup_time),
            startup_time < MAX_STARTUP_TIME,
        );
        report
    }
}
