//! A process of the server program, which can be killed.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_load::client::exchange::send_once;
use counterfoil_load::client::requests::get;

use crate::error::LabError;

/// How long a start may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a start is looked at.
const INTERVAL: Duration = Duration::from_millis(1);

/// The first letters of the environment variables that are settings.
const VARIABLES: &[u8] = b"COUNTERFOIL_";

/// A server program with its directory, its address and its settings. It has no settings of the environment: they could name a
/// store in use, and the address of a server for others.
pub(crate) struct ServerProgram {
    program: PathBuf,
    dir: PathBuf,
    settings: &'static [(&'static str, &'static str)],
    pub(crate) address: SocketAddr,
}

/// A running process, killed when it is dropped.
pub(crate) struct ServerProcess(Child);

impl ServerProgram {
    /// The program, for a directory and a port that is free now.
    pub(crate) fn new(program: &Path, dir: &Path) -> Result<Self, LabError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LabError::io("listen on loopback"))?;
        let address = listener.local_addr().map_err(LabError::io("listen on loopback"))?;
        Ok(Self { program: program.to_owned(), dir: dir.to_owned(), settings: &[], address })
    }

    /// The same with these environment variables.
    pub(crate) fn with(self, settings: &'static [(&'static str, &'static str)]) -> Self {
        Self { settings, ..self }
    }

    /// Starts a process, and returns how long it took until the server was ready.
    pub(crate) fn start(&self) -> Result<(ServerProcess, Duration), LabError> {
        let started = Instant::now();
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--data-dir").arg(&self.dir);
        command.args(["--issuer", &format!("http://{}", self.address)]);
        command.args(["--listen", &self.address.to_string(), "--log-level", "error"]);
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(VARIABLES)) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(LabError::start("the server program"))?;
        let process = ServerProcess(child);
        let ready = get(self.address, "/readyz", "accept: */*");
        while started.elapsed() < TIMEOUT {
            if send_once(self.address, &ready).is_ok_and(|response| response.status == 200) {
                return Ok((process, started.elapsed()));
            }
            thread::sleep(INTERVAL);
        }
        Err(LabError::timeout("the start of the server program"))
    }
}

impl ServerProcess {
    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // `Child::kill` is SIGKILL.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
