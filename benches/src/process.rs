//! The measured processes, seen from outside.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::load::{CONNECTIONS, drive};
use crate::requests::Rotation;

/// A server of ours that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one, and waits until it says where it listens.
    pub(crate) fn start(options: &[&OsStr]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").args(options).env("RUST_LOG", "warn");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut first = String::new();
        let out = child.stdout.take().context("it has no standard output")?;
        BufReader::new(out).read_line(&mut first)?;
        Ok(Self { address: first.trim().parse().context("the server did not start")?, child })
    }

    /// Asks it each of `requests` once, and waits until it has nothing left to do: not measured. When a session was
    /// last seen is written once a minute; that is done here, and a row lasts for less.
    pub(crate) fn lap(&self, requests: &mut Rotation) -> Result<()> {
        requests.allow(requests.len());
        drive(self.address, CONNECTIONS, Duration::MAX, requests)?;
        requests.allow(usize::MAX);
        self.wait_until_idle()
    }

    /// Waits until it has nothing left to do that nobody waits for: the uses of sessions are written a second
    /// after the requests.
    fn wait_until_idle(&self) -> Result<()> {
        const SPAN: Duration = Duration::from_millis(1_500);
        loop {
            let before = self.cpu()?;
            std::thread::sleep(SPAN);
            if self.cpu()?.saturating_sub(before) < SPAN / 100 {
                return Ok(());
            }
        }
    }

    /// The processor time that all its threads have used.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let about = fs::read_to_string(task?.path().join("schedstat"))?;
            nanos += about.split(' ').next().context("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is how it is told to stop and tidy up.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// How often a second the primitive `what` runs on the server's core.
pub(crate) fn raw(what: &str, seconds: f64) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["raw", what, &seconds.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "raw {what} failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
