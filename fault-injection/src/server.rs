//! A running server process: signals, exit status, standard error and memory use.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address it listens on.
    pub address: SocketAddr,
    stderr: PathBuf,
    /// The time from the start of the process until it announced its address.
    pub startup_time: Duration,
}

impl Server {
    /// A process that has not announced its address yet; `stderr` is the file that it writes to.
    pub(crate) fn new(child: Child, stderr: PathBuf) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { child, address, stderr, startup_time: Duration::ZERO }
    }

    /// Everything that it has written to standard error.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn stderr(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.stderr)?).into_owned())
    }

    /// Ends it with SIGKILL, as a crash would.
    ///
    /// # Errors
    ///
    /// If the system call fails.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// If the system call fails.
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// The exit status; `None` while it runs.
    ///
    /// # Errors
    ///
    /// If the system call fails.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it exits; returns the exit status and the time that it took.
    ///
    /// # Errors
    ///
    /// If it still runs after `timeout`.
    pub fn wait_for_exit(mut self, timeout: Duration) -> Result<(ExitStatus, Duration)> {
        let started_at = Instant::now();
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok((status, started_at.elapsed()));
            }
            ensure!(started_at.elapsed() < timeout, "the server did not exit within {timeout:?}");
            sleep(Duration::from_millis(2));
        }
    }

    /// The resident set size in bytes.
    ///
    /// # Errors
    ///
    /// If the process has exited.
    pub fn resident_memory(&self) -> Result<u64> {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.child.id()))?;
        let pages: u64 = statm.split(' ').nth(1).context("/proc/PID/statm has no second field")?.parse()?;
        Ok(pages * 4096)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if the process has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
