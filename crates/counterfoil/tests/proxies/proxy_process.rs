//! A proxy in a process of its own.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::configuration::{Addresses, Kind};

/// Far longer than the start takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A running proxy. It stops when it is dropped.
pub(crate) struct ProxyProcess {
    process: Child,
    folder: TempDir,
}

impl ProxyProcess {
    /// Starts it and waits until it accepts connections. `None` if it is not installed: the test is skipped.
    pub(crate) async fn start(kind: Kind, addresses: Addresses, requirements: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        // Some of them give up the rights of root.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut command = kind.prepare(folder.path(), addresses, requirements)?;
        let log = File::create(folder.path().join("output")).unwrap();
        let command = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut proxy = Self { process: command.spawn().unwrap(), folder };
        let started = Instant::now();
        while TcpStream::connect(addresses.proxy).is_err() {
            assert!(proxy.process.try_wait().unwrap().is_none(), "{kind:?} has ended: {}", proxy.log());
            assert!(started.elapsed() < DEADLINE, "{kind:?} does not listen: {}", proxy.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(proxy)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("output") + &read("log")
    }
}

impl Drop for ProxyProcess {
    fn drop(&mut self) {
        // nginx ends its workers only when it is asked to.
        let id = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let started = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && started.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that was free a moment ago. Its port is below those that connections of clients get, so none of them takes it
/// before the proxy does.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return (Ipv4Addr::LOCALHOST, port).into();
        }
    }
}
