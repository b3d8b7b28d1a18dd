//! A proxy in a process of its own.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::proxy::configuration::prepare;
use crate::proxy::kind::ProxyKind;
use crate::proxy::setup::ProxySetup;

/// Far longer than a start takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running proxy. It stops when it is dropped.
#[derive(Debug)]
pub struct ProxyProcess {
    process: Child,
    folder: TempDir,
}

impl ProxyProcess {
    /// Starts `program` and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// If it cannot be configured or started, or ends at once.
    pub fn start(kind: ProxyKind, program: &Path, setup: &ProxySetup<'_>) -> io::Result<Self> {
        let folder = TempDir::new()?;
        // Some of them give up the rights of root.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let mut command = prepare(kind, program, folder.path(), setup)?;
        let log = File::create(folder.path().join("output"))?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut proxy = Self { process: command.spawn()?, folder };
        let started = Instant::now();
        while TcpStream::connect(setup.proxy).is_err() {
            let has_ended = proxy.process.try_wait()?.is_some();
            if has_ended || started.elapsed() > DEADLINE {
                return Err(io::Error::other(format!("{} does not listen: {}", kind.name(), proxy.log())));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(proxy)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("output") + &read("log")
    }
}

impl Drop for ProxyProcess {
    fn drop(&mut self) {
        // nginx and Apache end their workers only when they are asked to.
        let id = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let started = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && started.elapsed() < Duration::from_secs(2) {
            sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
