//! Starts the server binary and its commands in a controlled environment.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::server::Server;

/// How long a server may take until it accepts connections or exits.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of every scenario: a fixed issuer, since the port changes; cheap password hashes, since
/// hashing is not under test; and no limits on requests and sessions, since all requests come from one client.
const DEFAULT_SETTINGS: [(&str, &str); 22] = [
    ("COUNTERFOIL_ISSUER", "http://localhost:7600"),
    ("COUNTERFOIL_LISTEN", "127.0.0.1:0"),
    ("COUNTERFOIL_ARGON2_MEMORY_KIB", "128"),
    ("COUNTERFOIL_ARGON2_ITERATIONS", "1"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_ACCOUNT_AND_IP", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_IP", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_ACCOUNT", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_PER_ACCOUNT_FROM_ONE_IP", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_SUCCESSFUL_PER_ACCOUNT", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_SUCCESSFUL_PER_IP", "off"),
    ("COUNTERFOIL_LOGIN_RATE_LIMIT_PASSWORD_CHANGES_PER_USER", "off"),
    ("COUNTERFOIL_PASSWORD_HASHING_MAX_SHARE", "100"),
    ("COUNTERFOIL_REGISTRATION_RATE_LIMIT_PER_IP", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_PER_SESSION", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_PER_USER", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_PER_IP", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_REFRESHES_PER_SESSION", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_REFRESHES_PER_USER", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_SESSION_ENDS_PER_USER", "off"),
    ("COUNTERFOIL_WRITE_RATE_LIMIT_SINGLE_SESSION_ENDS_PER_USER", "off"),
    ("COUNTERFOIL_MAX_SESSIONS", "0"),
    ("COUNTERFOIL_LOG_LEVEL", "warn"),
];

/// The server binary under test.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    env: Vec<(OsString, OsString)>,
}

/// How the binary is started: data directory, environment, wrapper program and user.
///
/// ```
/// use counterfoil_fault_injection::program::LaunchConfig;
///
/// let config = LaunchConfig::new("/tmp/data").with_env("COUNTERFOIL_REFRESH_REUSE_GRACE", "0");
/// assert_eq!(config.data_dir, std::path::Path::new("/tmp/data"));
/// ```
#[derive(Debug, Clone)]
pub struct LaunchConfig {
    /// The data directory.
    pub data_dir: PathBuf,
    env: Vec<(OsString, OsString)>,
    removed_env: Vec<OsString>,
    wrapper: Vec<OsString>,
    uid: Option<u32>,
}

impl LaunchConfig {
    /// Serves `data_dir` with the settings of every scenario.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let env = DEFAULT_SETTINGS.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { data_dir: data_dir.into(), env, removed_env: Vec::new(), wrapper: Vec::new(), uid: None }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.removed_env.push(name.into());
        self
    }

    /// Uses the default rate limits.
    #[must_use]
    pub fn with_default_rate_limits(mut self) -> Self {
        self.env.retain(|(name, _)| !name.to_string_lossy().contains("_RATE_LIMIT_"));
        self
    }

    /// Uses the password hashing parameters of production.
    #[must_use]
    pub fn with_production_hashing(self) -> Self {
        self.without_env("COUNTERFOIL_ARGON2_MEMORY_KIB").without_env("COUNTERFOIL_ARGON2_ITERATIONS")
    }

    /// Starts the binary through a wrapper: a command that executes its last arguments.
    #[must_use]
    pub fn with_wrapper<S: Into<OsString>>(mut self, command: impl IntoIterator<Item = S>) -> Self {
        self.wrapper = command.into_iter().map(Into::into).collect();
        self
    }

    /// Runs the binary with this user and group id; needs root.
    #[must_use]
    pub fn with_uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }
}

/// The result of starting a server.
#[derive(Debug)]
pub enum StartResult {
    /// It accepts connections.
    Serving(Server),
    /// It exited.
    Exited {
        /// Its exit status.
        status: ExitStatus,
        /// What it wrote to standard error.
        stderr: String,
    },
}

impl Program {
    /// The binary at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), env: Vec::new() }
    }

    /// The same binary with an environment variable at each start, by which it is of another version.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs a command of the binary until it exits.
    ///
    /// # Errors
    ///
    /// If the binary cannot be run. A failed command is not an error.
    pub fn run(&self, config: &LaunchConfig, arguments: &[&str]) -> Result<Output> {
        let output = self.command(config, arguments).output();
        output.with_context(|| format!("{} cannot be run", self.path.display()))
    }

    /// Creates an admin key through the running server of the data directory.
    ///
    /// # Errors
    ///
    /// If the command fails.
    pub fn create_admin_key(&self, config: &LaunchConfig) -> Result<String> {
        self.create_key(config, "admin-key")
    }

    /// Creates a verifier key through the running server of the data directory.
    ///
    /// # Errors
    ///
    /// If the command fails.
    pub fn create_verifier_key(&self, config: &LaunchConfig) -> Result<String> {
        self.create_key(config, "verifier")
    }

    fn create_key(&self, config: &LaunchConfig, command: &str) -> Result<String> {
        let config = LaunchConfig::new(&config.data_dir);
        let output = self.run(&config, &[command, "add", "fault-injection"])?;
        ensure!(
            output.status.success(),
            "`{command} add` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts a server and waits until it accepts connections or exits.
    ///
    /// # Errors
    ///
    /// If it cannot be run, or does neither in time.
    pub fn try_start(&self, config: &LaunchConfig) -> Result<StartResult> {
        let stdout = config.data_dir.with_extension("out");
        let stderr = config.data_dir.with_extension("log");
        let started_at = Instant::now();
        let mut command = self.command(config, &["serve"]);
        let child = command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?).spawn()?;
        let mut server = Server::new(child, stderr);
        while started_at.elapsed() < START_TIMEOUT {
            if let Some(address) = read_listen_address(&stdout)? {
                (server.address, server.startup_time) = (address, started_at.elapsed());
                return Ok(StartResult::Serving(server));
            }
            if let Some(status) = server.exit_status()? {
                return Ok(StartResult::Exited { status, stderr: server.stderr()? });
            }
            sleep(Duration::from_millis(1));
        }
        bail!("the server neither accepts connections nor exits: {}", server.stderr()?)
    }

    /// Starts a server that must accept connections.
    ///
    /// # Errors
    ///
    /// If it does not, with what it wrote to standard error.
    pub fn start(&self, config: &LaunchConfig) -> Result<Server> {
        match self.try_start(config)? {
            StartResult::Serving(server) => Ok(server),
            StartResult::Exited { status, stderr } => bail!("the server exited: {status}; {stderr}"),
        }
    }

    /// Starts a server and kills it after `delay`, whether it accepts connections or not.
    ///
    /// # Errors
    ///
    /// If it cannot be run.
    pub fn kill_during_start(&self, config: &LaunchConfig, delay: Duration) -> Result<()> {
        let mut command = self.command(config, &["serve"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        sleep(delay);
        // This fails if the server has already exited.
        let _ = child.kill();
        child.wait()?;
        Ok(())
    }

    fn command(&self, config: &LaunchConfig, arguments: &[&str]) -> Command {
        let words: Vec<OsString> = config.wrapper.iter().cloned().chain([self.path.clone().into()]).collect();
        let mut command = Command::new(&words[0]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.args(&words[1..]).args(arguments).stdin(Stdio::null());
        command
            .envs(self.env.iter().chain(&config.env).cloned())
            .env("COUNTERFOIL_DATA_DIR", &config.data_dir);
        for name in &config.removed_env {
            command.env_remove(name);
        }
        if let Some(uid) = config.uid {
            command.uid(uid).gid(uid);
        }
        command
    }
}

/// Whether an environment variable changes the behaviour of the binary.
fn is_setting(name: &str) -> bool {
    name.starts_with("COUNTERFOIL_") || name == "RUST_LOG"
}

/// The address in the first line of standard output, once that line is complete.
fn read_listen_address(stdout: &Path) -> Result<Option<SocketAddr>> {
    let text = fs::read_to_string(stdout)?;
    let Some((first_line, _)) = text.split_once('\n') else { return Ok(None) };
    let (_, address) = first_line.split_once("://").with_context(|| format!("no URL in {first_line:?}"))?;
    Ok(Some(address.parse()?))
}

/// Whether standard error holds exactly one `error:` line, at most one `hint:` line and no panic. Log lines
/// may precede them.
pub fn is_single_error_message(stderr: &str) -> bool {
    let count = |prefix: &str| stderr.lines().filter(|line| line.starts_with(prefix)).count();
    count("error: ") == 1 && count("hint: ") <= 1 && !stderr.contains("panicked")
}
