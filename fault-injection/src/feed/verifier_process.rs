//! Starts verifiers as processes of their own.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::feed::verifier::{CONFIG_VARIABLE, LISTENS_ON, VerifierConfig};
use crate::http::{Connection, Request};

/// How long a verifier may take until it is fresh.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The program that becomes a verifier: it calls
/// [`serve_if_configured`](crate::feed::verifier::serve_if_configured).
#[derive(Debug, Clone)]
pub struct VerifierProgram {
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// A running verifier; killed when dropped.
#[derive(Debug)]
pub struct VerifierProcess {
    child: Child,
    /// Its address.
    pub address: SocketAddr,
    /// Kept open, so that the process can write to it.
    _stdout: BufReader<ChildStdout>,
}

impl VerifierProgram {
    /// The running program itself, with these arguments.
    ///
    /// # Errors
    ///
    /// If its path is unknown.
    pub fn current<S: Into<OsString>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        let path = std::env::current_exe()?;
        Ok(Self { path, arguments: arguments.into_iter().map(Into::into).collect() })
    }

    /// Starts a verifier and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(&self, config: &VerifierConfig) -> Result<VerifierProcess> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env(CONFIG_VARIABLE, serde_json::to_string(config)?);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let mut line = String::new();
        let address = loop {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                bail!("the verifier exits: {:?}", child.wait()?);
            }
            // The test harness writes to the same line.
            if let Some((_, address)) = line.split_once(LISTENS_ON) {
                break address.trim().parse()?;
            }
        };
        Ok(VerifierProcess { child, address, _stdout: stdout })
    }

    /// Starts `count` verifiers, and waits until all of them accept `token`.
    ///
    /// # Errors
    ///
    /// If one does not.
    pub fn start_all(
        &self,
        count: usize,
        config: &VerifierConfig,
        token: &str,
    ) -> Result<Vec<VerifierProcess>> {
        let processes: Vec<_> = (0..count).map(|_| self.start(config)).collect::<Result<_>>()?;
        for process in &processes {
            process.wait_until_accepted(token, START_TIMEOUT)?;
        }
        Ok(processes)
    }
}

impl VerifierProcess {
    /// Presents `token` until it is accepted; returns how long that took.
    ///
    /// # Errors
    ///
    /// If it is not accepted in time.
    pub fn wait_until_accepted(&self, token: &str, limit: Duration) -> Result<Duration> {
        let (request, started_at) = (Request::get("/").bearer(token), Instant::now());
        let mut connection = Connection::new(self.address);
        loop {
            if connection.send(&request).is_ok_and(|response| response.status == 200) {
                return Ok(started_at.elapsed());
            }
            if started_at.elapsed() > limit {
                bail!("the verifier does not accept a valid token within {limit:?}");
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// The status for `token`.
    ///
    /// # Errors
    ///
    /// If it does not respond.
    pub fn status(&self, token: &str) -> Result<u16> {
        let request = Request::get("/").bearer(token);
        Ok(Connection::new(self.address).send(&request).map_err(std::io::Error::from)?.status)
    }
}

impl Drop for VerifierProcess {
    fn drop(&mut self) {
        // Both fail if the process has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
