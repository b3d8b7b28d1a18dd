//! The released program: its size, its start-up time, and its memory when it is idle.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use counterfoil_load::client::closed_loop::send_requests;
use counterfoil_load::client::requests::{RequestCycle, get};

use crate::fill_store::fill_store;
use crate::report::{Assessment, median_of};
use crate::seed::login_request;
use crate::server::{PASSWORD, USERNAME};

/// The number of sessions in the store.
const SESSIONS: usize = 100_000;

/// The number of starts.
const STARTS: usize = 7;

/// The number of logins before it is idle.
const LOGINS: usize = 64;

/// How long it is idle before its memory is measured.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// Measures the file, the time from the start of the process to the first 200 of `/readyz`, and the memory a minute
/// after some logins.
pub(crate) fn run(binary: &Path) -> Result<[(&'static str, Assessment); 3]> {
    let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
    eprintln!("filling a store with {SESSIONS} sessions");
    // The first start creates the keys.
    drop(Program::start(binary, dir.path())?);
    add_user(binary, dir.path())?;
    fill_store(&dir.path().join("counterfoil.db"), SESSIONS, SESSIONS)?;
    let times = (0..STARTS).map(|_| start_up_time(binary, dir.path())).collect::<Result<Vec<_>>>()?;
    Ok([
        ("the program on the disk", assess_size(fs::metadata(binary)?.len())),
        ("start-up, 100,000 sessions in the store", assess_start_up(median_of(times))),
        ("idle memory, a minute after the last login", measure_idle_memory(binary, dir.path())?),
    ])
}

fn assess_size(bytes: u64) -> Assessment {
    let megabytes = bytes as f64 / 1e6;
    Assessment { result: format!("{megabytes:.2} MB"), goal: "< 25 MB".to_owned(), is_met: megabytes < 25.0 }
}

fn assess_start_up(milliseconds: f64) -> Assessment {
    Assessment {
        result: format!("{milliseconds:.0} ms"),
        goal: "< 100 ms".to_owned(),
        is_met: milliseconds < 100.0,
    }
}

/// Milliseconds until it is ready.
fn start_up_time(binary: &Path, dir: &Path) -> Result<f64> {
    let started = Instant::now();
    let server = Program::start(binary, dir)?;
    let mut ready = RequestCycle::endless(vec![get(server.address, "/readyz", "accept: */*")]);
    ready.set_limit(1);
    send_requests(server.address, 1, Duration::MAX, &mut ready)?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

fn measure_idle_memory(binary: &Path, dir: &Path) -> Result<Assessment> {
    let server = Program::start(binary, dir)?;
    // Two at a time, so that the hash queue does not fill.
    let mut logins = RequestCycle::endless(vec![login_request(server.address, "session")]);
    logins.set_limit(LOGINS);
    send_requests(server.address, 2, Duration::MAX, &mut logins)?;
    eprintln!("waiting for {} s", IDLE_TIME.as_secs());
    std::thread::sleep(IDLE_TIME);
    let megabytes = server.resident_memory()?;
    Ok(Assessment {
        result: format!("{megabytes:.1} MB resident"),
        goal: "< 25 MB".to_owned(),
        is_met: megabytes < 25.0,
    })
}

fn add_user(binary: &Path, dir: &Path) -> Result<()> {
    let password = dir.join("password");
    fs::write(&password, PASSWORD)?;
    let add = ["user", "add", USERNAME, "--password-file"];
    let mut command = Command::new(binary);
    command.arg("--data-dir").arg(dir).args(add).arg(&password).stdout(Stdio::null());
    ensure!(command.status()?.success(), "`user add` failed");
    Ok(())
}

/// A running server. It is killed when dropped.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts it, and waits until it prints its address.
    fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("--data-dir").arg(dir).args(["serve", "--listen", "127.0.0.1:0"]);
        // Without a log line for each login.
        command.args(["--log-level", "warn"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut first_line = String::new();
        let stdout = child.stdout.take().context("the server has no standard output")?;
        BufReader::new(stdout).read_line(&mut first_line)?;
        let address =
            first_line.trim().strip_prefix("listening on http://").context("the server did not start")?;
        Ok(Self { address: address.parse()?, child })
    }

    /// The resident memory in megabytes of a million bytes.
    fn resident_memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
