//! Scenario `endurance`: sessions end or expire for minutes; neither memory nor the database keeps growing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, ensure};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::json;

use crate::history::IssuedCredentials;
use crate::http::{Connection, Request, Response, send};
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_megabytes};
use crate::server::Server;

/// The path of libfaketime for programs with threads, as Debian installs it.
pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// How much faster the wall clock runs. Minutes become days, so that records which are kept for a day are
/// purged. With a much larger factor a moment without requests would look like a clock jump.
const CLOCK_SPEEDUP: u32 = 400;

/// The number of clients.
const CLIENTS: usize = 3;

/// The time between two samples.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);

/// The tables whose rows about sessions must be purged. The audit log is kept for 90 days, so it grows.
const PURGED_TABLES: [&str; 3] = ["sessions", "revocation_log", "counters"];

/// The table of the audit log.
const AUDIT_TABLE: &str = "audit_events";

/// The limit for the growth of memory in the last two fifths, in bytes.
const MAX_MEMORY_GROWTH: u64 = 4_000_000;

const PASSWORD: &str = "correct horse battery staple";

/// The number of steps: the number of samples in so many minutes.
pub fn steps(minutes: u64) -> usize {
    usize::try_from(minutes * 60 / SAMPLE_INTERVAL.as_secs()).unwrap_or(usize::MAX)
}

/// Logs in for so many minutes; half of the sessions are logged out, the others expire. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out; it needs `faketime`.
pub fn run(program: &Program, dir: &Path, minutes: u64, progress: Progress<'_>) -> Result<Report> {
    ensure!(Path::new(FAKETIME).exists(), "faketime is missing; install it with `apt-get install faketime`");
    let data_dir = dir.join("data");
    let config = LaunchConfig::new(&data_dir)
        .with_env("LD_PRELOAD", FAKETIME)
        .with_env("FAKETIME", format!("+0 x{CLOCK_SPEEDUP}"))
        .with_env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = program.start(&config)?;
    shorten_session_lifetimes(program, &data_dir)?;
    let body = json!({ "username": "ada", "password": PASSWORD });
    let status = send(server.address, &Request::post("/v1/register").json(&body))?.status;
    ensure!(status == 201, "the registration gets {status}");

    let clients = Clients::default();
    let samples = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| clients.run(server.address));
        }
        let samples = take_samples(&server, &data_dir, steps(minutes), progress);
        clients.stop.store(true, Ordering::Relaxed);
        samples
    })?;
    Ok(report(minutes, &samples, &clients))
}

/// Sets the session lifetimes of the client `default` to one hour idle and two hours absolute.
fn shorten_session_lifetimes(program: &Program, data_dir: &Path) -> Result<()> {
    let lifetimes = ["--lifetime", "session_idle=3600", "--lifetime", "session_absolute=7200"];
    let arguments = [&["client", "set", "default"][..], &lifetimes].concat();
    let output = program.run(&LaunchConfig::new(data_dir), &arguments)?;
    ensure!(output.status.success(), "`client set` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The clients, with the number of their logins.
#[derive(Default)]
struct Clients {
    stop: AtomicBool,
    attempts: AtomicUsize,
    failures: AtomicUsize,
}

impl Clients {
    /// Runs one client until stopped.
    fn run(&self, address: SocketAddr) {
        let mut connection = Connection::new(address);
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.attempts.fetch_add(1, Ordering::Relaxed);
            if log_in_and_out(&mut connection, number).is_none() {
                self.failures.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Logs in, sends one request, and logs out in half of the cases; `None` if a request fails.
fn log_in_and_out(connection: &mut Connection, number: usize) -> Option<()> {
    let mut send = |request: &Request| connection.send(request).ok().filter(Response::is_success);
    let mode = ["session", "hybrid"][number % 2];
    let body = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
    let response = send(&Request::post("/v1/login").json(&body))?;
    let credentials = IssuedCredentials::from_json(&response.json());
    let token = credentials.bearer_token()?;
    send(&Request::get("/v1/me").bearer(token))?;
    if number % 4 < 2 {
        send(&Request::post("/v1/logout").bearer(token))?;
    }
    Some(())
}

/// The resources that the server uses at one time.
#[derive(Clone, Copy, Default)]
struct Sample {
    /// The resident set size in bytes.
    memory: u64,
    /// The number of rows in all [`PURGED_TABLES`].
    purged_rows: u64,
    /// The number of rows in the audit log.
    audit_rows: u64,
    /// The size of the database file in bytes.
    database_size: u64,
}

fn take_samples(
    server: &Server,
    data_dir: &Path,
    count: usize,
    progress: Progress<'_>,
) -> Result<Vec<Sample>> {
    let file = data_dir.join("counterfoil.db");
    let database = Database::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    database.pragma_update(None, "query_only", true)?;
    let count_rows = |table: &str| -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {table}");
        Ok(database.query_row(&sql, [], |row| row.get::<_, i64>(0))?.try_into()?)
    };
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        sleep(SAMPLE_INTERVAL);
        samples.push(Sample {
            memory: server.resident_memory()?,
            purged_rows: PURGED_TABLES.iter().map(|table| count_rows(table)).sum::<Result<u64>>()?,
            audit_rows: count_rows(AUDIT_TABLE)?,
            database_size: file.metadata()?.len(),
        });
        progress();
    }
    Ok(samples)
}

/// Compares the last sample with the one after three fifths of the time: by then rows are purged as fast as
/// they are added.
fn report(minutes: u64, samples: &[Sample], clients: &Clients) -> Report {
    let attempts = clients.attempts.load(Ordering::Relaxed);
    let failures = clients.failures.load(Ordering::Relaxed);
    let warm = samples.get(samples.len() * 6 / 10).copied().unwrap_or_default();
    let last = samples.last().copied().unwrap_or_default();
    let max_memory = samples.iter().map(|sample| sample.memory).max().unwrap_or_default();
    let growth = last.memory.saturating_sub(warm.memory);
    let hours = minutes as f64 * 0.4 / 60.0;
    let days = minutes as f64 * f64::from(CLOCK_SPEEDUP) / 1440.0;
    // In a shorter run nothing has been purged yet, and everything grows.
    let is_long_enough = days > 2.5;
    let mut report = Report::new("endurance");
    report.add_measurement("minutes, simulated days", format!("{minutes}, {days:.1}"));
    report.add_criterion("login attempts", "> 0", attempts, attempts > failures);
    report.add_criterion("failed attempts", "0", failures, failures == 0);
    report.add_measurement("maximum memory", format_megabytes(max_memory));
    report.add_criterion(
        "memory growth in the last two fifths",
        "< 4 MB",
        format_megabytes(growth),
        !is_long_enough || growth < MAX_MEMORY_GROWTH,
    );
    report.add_measurement("memory growth per hour", format_megabytes((growth as f64 / hours) as u64));
    let max_rows = warm.purged_rows + warm.purged_rows / 4;
    report.add_criterion(
        "rows about sessions",
        &format!("< {max_rows}"),
        last.purged_rows,
        !is_long_enough || last.purged_rows < max_rows,
    );
    report.add_measurement(
        "rows of the audit log, size of the database",
        format!("{}, {}", last.audit_rows, format_megabytes(last.database_size)),
    );
    report
}
