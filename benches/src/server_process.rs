//! The measured processes, started and observed from outside.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use counterfoil_load::client::closed_loop::{CONNECTIONS, send_requests};
use counterfoil_load::client::requests::RequestCycle;
use counterfoil_load::machine::affinity;

/// How often a server may be found busy after its warm-up.
const MAX_IDLE_CHECKS: usize = 80;

/// A running server of this program's subcommand `serve`.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    /// Starts a server of this program, and waits until it prints its address.
    pub(crate) fn start(options: &[&OsStr]) -> Result<Self> {
        Self::start_program(&std::env::current_exe()?, options)
    }

    /// As [`ServerProcess::start`], with this program of some revision.
    pub(crate) fn start_program(program: &Path, options: &[&OsStr]) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("serve").args(options).env("RUST_LOG", "warn");
        Self::from_command(command)
    }

    /// Starts another server on the core of the server, and waits until it prints its address.
    pub(crate) fn start_other(command: Command) -> Result<Self> {
        // A process inherits the core of the thread that starts it.
        let started = std::thread::spawn(|| {
            affinity::pin_to(affinity::SERVER_CORE)?;
            Self::from_command(command)
        });
        started.join().unwrap_or_else(|_| bail!("the thread that starts a server has panicked"))
    }

    fn from_command(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut first_line = String::new();
        let stdout = child.stdout.take().context("the server has no standard output")?;
        BufReader::new(stdout).read_line(&mut first_line)?;
        Ok(Self { address: first_line.trim().parse().context("the server did not start")?, child })
    }

    /// Sends each of `requests` once without measuring, and waits until the server is idle. When a session
    /// was last seen is written once a minute; after this warm-up no row of a run is long enough to write it
    /// again.
    pub(crate) fn warm_up(&self, requests: &mut RequestCycle) -> Result<()> {
        requests.set_limit(requests.len());
        send_requests(self.address, CONNECTIONS, Duration::MAX, requests)?;
        requests.set_limit(usize::MAX);
        self.wait_until_idle()
    }

    /// Waits until the server has finished its background work: it writes when sessions were last seen a
    /// second after the requests. A server that is never idle is an error.
    pub(crate) fn wait_until_idle(&self) -> Result<()> {
        const INTERVAL: Duration = Duration::from_millis(1_500);
        for _ in 0..MAX_IDLE_CHECKS {
            let before = self.cpu_time()?;
            std::thread::sleep(INTERVAL);
            if self.cpu_time()?.saturating_sub(before) < INTERVAL / 100 {
                return Ok(());
            }
        }
        bail!("the server at {} does not become idle", self.address)
    }

    /// The CPU time that all its threads have used.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += schedstat.split(' ').next().context("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // The end of its standard input makes it shut down and delete its files.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The rate of a primitive per second, on the server's core.
pub(crate) fn primitive_rate(primitive: &str, seconds: f64) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["primitive", primitive, &seconds.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "`primitive {primitive}` failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
