//! The binary as people run it: how soon it is ready, and what memory it keeps when nobody asks for anything.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::fill::fill;
use crate::load::drive;
use crate::report::{Verdict, median_of};
use crate::requests::{Rotation, get};
use crate::seed::login;
use crate::server::{PASSWORD, USERNAME};

/// How many sessions are in the store.
const SESSIONS: usize = 100_000;

/// How often it is started.
const STARTS: usize = 7;

/// How many logins come before it is left alone.
const LOGINS: usize = 64;

/// How long nobody asks for anything.
const QUIET: Duration = Duration::from_secs(60);

/// From the start of the process to the first 200 of `/readyz`, and the memory a minute after some logins.
pub(crate) fn run(binary: &Path) -> Result<[(&'static str, Verdict); 2]> {
    let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
    eprintln!("filling a store with {SESSIONS} sessions");
    // The first start makes the keys, which one start in a life does.
    drop(Running::start(binary, dir.path())?);
    add_user(binary, dir.path())?;
    fill(&dir.path().join("counterfoil.db"), SESSIONS, SESSIONS)?;
    let ready = (0..STARTS).map(|_| started(binary, dir.path())).collect::<Result<Vec<_>>>()?;
    Ok([
        ("ready, 100,000 sessions in the store", ready_in(median_of(ready))),
        ("idle, a minute after the last login", idle(binary, dir.path())?),
    ])
}

fn ready_in(milliseconds: f64) -> Verdict {
    Verdict {
        reached: format!("{milliseconds:.0} ms"),
        goal: "< 100 ms".to_owned(),
        is_met: milliseconds < 100.0,
    }
}

/// Milliseconds until it is ready.
fn started(binary: &Path, dir: &Path) -> Result<f64> {
    let begin = Instant::now();
    let server = Running::start(binary, dir)?;
    let mut ready = Rotation::endless(vec![get(server.address, "/readyz", "accept: */*")]);
    ready.allow(1);
    drive(server.address, 1, Duration::MAX, &mut ready)?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

fn idle(binary: &Path, dir: &Path) -> Result<Verdict> {
    let server = Running::start(binary, dir)?;
    // Two at a time: no more than its hashing keeps up with.
    let mut logins = Rotation::endless(vec![login(server.address, "session")]);
    logins.allow(LOGINS);
    drive(server.address, 2, Duration::MAX, &mut logins)?;
    eprintln!("waiting for {} s", QUIET.as_secs());
    std::thread::sleep(QUIET);
    let megabytes = server.resident()?;
    Ok(Verdict {
        reached: format!("{megabytes:.1} MB resident"),
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
    ensure!(command.status()?.success(), "no user was added");
    Ok(())
}

/// A server; killed when dropped, as nothing in it is worth keeping.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    /// Starts it, and waits until it says where it listens.
    fn start(binary: &Path, dir: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("--data-dir").arg(dir).args(["serve", "--listen", "127.0.0.1:0"]);
        // A line for each login is not what one wants to read here.
        command.args(["--log-level", "warn"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut first = String::new();
        let out = child.stdout.take().context("it has no standard output")?;
        BufReader::new(out).read_line(&mut first)?;
        let address = first.trim().strip_prefix("listening on http://").context("it did not start")?;
        Ok(Self { address: address.parse()?, child })
    }

    /// The memory that it holds, in megabytes of a million bytes.
    fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
