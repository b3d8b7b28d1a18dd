//! nginx with the shipped configuration for several nodes.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// The configuration that is shipped.
const SHIPPED: &str = include_str!("../../../dist/proxy/nodes/nginx.conf");

/// What the shipped configuration says of idle connections.
const KEEPALIVE_TIMEOUT: &str = "keepalive_timeout 5s;";

/// Where Debian installs it.
const PROGRAM: &str = "/usr/sbin/nginx";

/// How long it may take to start or to end.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running nginx; it ends when it is dropped.
#[derive(Debug)]
pub struct LoadBalancer {
    process: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
    log: PathBuf,
}

impl LoadBalancer {
    /// Whether it is installed.
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Starts it at `address` before these nodes, with its files in `dir`. Idle connections to the nodes are closed after
    /// `keepalive_timeout`.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(
        dir: &Path,
        address: SocketAddr,
        nodes: &[SocketAddr],
        keepalive_timeout: Duration,
    ) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let (configuration, log) = (dir.join("nginx.conf"), dir.join("log"));
        fs::write(dir.join("nodes.conf"), site(address, nodes, keepalive_timeout)?)?;
        fs::write(&configuration, main_file(dir))?;
        let output = File::create(dir.join("output"))?;
        let mut command = Command::new(PROGRAM);
        command.arg("-p").arg(dir).arg("-c").arg(&configuration).args(["-g", "daemon off;"]);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut balancer = Self { process: command.spawn()?, address, log };
        let started_at = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = balancer.process.try_wait()? {
                bail!("nginx has ended with {status}: {}", fs::read_to_string(dir.join("output"))?);
            }
            ensure!(started_at.elapsed() < TIMEOUT, "nginx does not listen: {}", balancer.log());
            sleep(Duration::from_millis(10));
        }
        Ok(balancer)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        // It ends its workers only when it is asked to.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let asked_at = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && asked_at.elapsed() < TIMEOUT {
            sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The shipped configuration with other addresses, and without TLS.
fn site(address: SocketAddr, nodes: &[SocketAddr], keepalive_timeout: Duration) -> Result<String> {
    ensure!(SHIPPED.contains(KEEPALIVE_TIMEOUT), "the shipped configuration has no {KEEPALIVE_TIMEOUT}");
    let mut site = String::new();
    let mut has_nodes = false;
    for line in SHIPPED.lines().filter(|line| !line.trim_start().starts_with("ssl_")) {
        match line.trim_start().strip_prefix("server 10.0.0.") {
            None => site += line,
            Some(_) if has_nodes => continue,
            Some(shipped) => {
                let options = shipped.split_once(' ').map_or("", |(_, options)| options);
                site.extend(nodes.iter().map(|node| format!("    server {node} {options}\n")));
                has_nodes = true;
            }
        }
        site.push('\n');
    }
    let keepalive_timeout = format!("keepalive_timeout {}ms;", keepalive_timeout.as_millis());
    Ok(site
        .replace("listen 443 ssl;", &format!("listen {address};"))
        .replace(KEEPALIVE_TIMEOUT, &keepalive_timeout))
}

/// What Debian has in `/etc/nginx/nginx.conf`, with every file in `dir`.
fn main_file(dir: &Path) -> String {
    let dir = dir.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {dir}/{kind};\n")).concat();
    format!(
        "user root;\nworker_processes 2;\npid {dir}/pid;\nerror_log {dir}/log;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {dir}/nodes.conf;\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_of_the_shipped_configuration_are_replaced_with_their_options() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));

        let site = site(address(1), &[address(2), address(3)], Duration::from_secs(1)).unwrap();

        assert!(site.contains("    server 127.0.0.1:2 max_fails=1 fail_timeout=1s;\n"), "{site}");
        assert!(site.contains("    server 127.0.0.1:3 max_fails=1 fail_timeout=1s;\n"), "{site}");
        assert!(site.contains("listen 127.0.0.1:1;") && !site.contains("server 10.0.0."), "{site}");
        assert!(site.contains("keepalive_timeout 1000ms;") && !site.contains("    ssl_"), "{site}");
    }
}
