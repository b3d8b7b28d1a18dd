//! A load balancer before several nodes, with the configuration that is shipped.

mod haproxy;
mod nginx;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long it may take to start or to end.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A program that distributes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It learns of a node that does not serve by requests of clients.
    Nginx,
    /// It asks each node whether it is ready.
    Haproxy,
}

/// How long the times in the shipped configuration are in a test.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// After how long nginx closes an idle connection to a node. Shorter than `shutdown_delay`.
    pub keepalive_timeout: Duration,
    /// How often HAProxy asks. Less than half of `shutdown_delay`.
    pub check_interval: Duration,
}

impl Kind {
    /// Where Debian installs it.
    const fn program(self) -> &'static str {
        match self {
            Self::Nginx => "/usr/sbin/nginx",
            Self::Haproxy => "/usr/sbin/haproxy",
        }
    }

    /// Whether it is installed.
    pub fn is_installed(self) -> bool {
        Path::new(self.program()).exists()
    }

    /// Writes the shipped configuration with these addresses into `dir`. Returns how it is started.
    fn prepare(
        self,
        dir: &Path,
        address: SocketAddr,
        nodes: &[SocketAddr],
        timing: Timing,
    ) -> Result<Command> {
        let mut command = Command::new(self.program());
        match self {
            Self::Nginx => {
                let configuration = dir.join("nginx.conf");
                fs::write(dir.join("nodes.conf"), nginx::site(address, nodes, timing)?)?;
                fs::write(&configuration, nginx::main_file(dir))?;
                command.arg("-p").arg(dir).arg("-c").arg(configuration).args(["-g", "daemon off;"]);
            }
            Self::Haproxy => {
                let configuration = dir.join("haproxy.cfg");
                fs::write(&configuration, haproxy::configuration(address, nodes, timing)?)?;
                command.arg("-db").arg("-f").arg(configuration);
            }
        }
        Ok(command)
    }
}

/// A running load balancer; it ends when it is dropped.
#[derive(Debug)]
pub struct LoadBalancer {
    process: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
    dir: PathBuf,
}

impl LoadBalancer {
    /// Starts it at `address` before these nodes, with its files in `dir`.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(
        kind: Kind,
        dir: &Path,
        address: SocketAddr,
        nodes: &[SocketAddr],
        timing: Timing,
    ) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let mut command = kind.prepare(dir, address, nodes, timing)?;
        let output = File::create(dir.join("output"))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut balancer = Self { process: command.spawn()?, address, dir: dir.to_owned() };
        let started_at = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = balancer.process.try_wait()? {
                bail!("{kind:?} has ended with {status}: {}", balancer.log());
            }
            ensure!(started_at.elapsed() < TIMEOUT, "{kind:?} does not listen: {}", balancer.log());
            sleep(Duration::from_millis(10));
        }
        Ok(balancer)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        ["log", "output"].map(|name| fs::read_to_string(self.dir.join(name)).unwrap_or_default()).concat()
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        // nginx ends its workers only when it is asked to.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let asked_at = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && asked_at.elapsed() < TIMEOUT {
            sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Replaces the lines of a configuration that name the nodes, which all begin with `prefix` and have the same end.
fn with_nodes(
    shipped: &str,
    prefix: &str,
    line: impl Fn(usize, &str) -> String,
    nodes: usize,
) -> Result<String> {
    let (mut text, mut has_nodes) = (String::new(), false);
    for shipped in shipped.lines() {
        match shipped.trim_start().strip_prefix(prefix) {
            None => text.extend([shipped, "\n"]),
            Some(_) if has_nodes => {}
            Some(rest) => {
                let options = rest.split_once(":3000").map_or("", |(_, options)| options);
                text.extend((0..nodes).map(|number| line(number, options)));
                has_nodes = true;
            }
        }
    }
    ensure!(has_nodes, "the shipped configuration has no line with {prefix}");
    Ok(text)
}

/// Replaces a text that the configuration must contain.
fn replaced(configuration: &str, shipped: &str, new: &str) -> Result<String> {
    ensure!(configuration.contains(shipped), "the shipped configuration has no {shipped}");
    Ok(configuration.replace(shipped, new))
}
