//! The real binary: started, watched from outside, and ended in every way that there is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a start may take before we give it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of every trial: a fixed issuer, since the port changes; cheap hashes, since they are not what is
/// tried; and no limits on guesses and registrations, of which trials make many.
const SETTINGS: [(&str, &str); 9] = [
    ("COUNTERFOIL_ISSUER", "http://localhost:7600"),
    ("COUNTERFOIL_LISTEN", "127.0.0.1:0"),
    ("COUNTERFOIL_PASSWORD_MEMORY", "128"),
    ("COUNTERFOIL_PASSWORD_PASSES", "1"),
    ("COUNTERFOIL_FAILED_LOGINS", "1000000"),
    ("COUNTERFOIL_FAILED_LOGINS_OF_SOURCE", "1000000"),
    ("COUNTERFOIL_FAILED_LOGINS_IN_A_ROW", "1000000"),
    ("COUNTERFOIL_REGISTRATIONS_OF_SOURCE", "1000000"),
    ("RUST_LOG", "warn"),
];

/// Where the binary is.
#[derive(Debug, Clone)]
pub struct Program(PathBuf);

/// What to start, and how.
///
/// ```
/// use counterfoil_fault_injection::program::Plan;
///
/// let plan = Plan::of("/tmp/data").with("COUNTERFOIL_REFRESH_GRACE", "0");
/// assert_eq!(plan.dir, std::path::Path::new("/tmp/data"));
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    /// The data directory.
    pub dir: PathBuf,
    settings: Vec<(OsString, OsString)>,
    removed: Vec<OsString>,
    /// What the program is started by, if not directly.
    through: Vec<OsString>,
    user: Option<u32>,
}

impl Plan {
    /// To serve the data directory `dir`, with the settings of a trial.
    pub fn of(dir: impl Into<PathBuf>) -> Self {
        let settings = SETTINGS.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { dir: dir.into(), settings, removed: Vec::new(), through: Vec::new(), user: None }
    }

    /// With this environment variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Without this environment variable.
    #[must_use]
    pub fn without(mut self, name: impl Into<OsString>) -> Self {
        self.removed.push(name.into());
        self
    }

    /// Started by another program, which is given ours with its arguments and becomes it.
    #[must_use]
    pub fn through<S: Into<OsString>>(mut self, program: impl IntoIterator<Item = S>) -> Self {
        self.through = program.into_iter().map(Into::into).collect();
        self
    }

    /// As the user with this number; only root can.
    #[must_use]
    pub fn run_by(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }
}

impl Program {
    /// The binary at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn command(&self, plan: &Plan, arguments: &[&str]) -> Command {
        use std::os::unix::process::CommandExt as _;

        let words: Vec<OsString> = plan.through.iter().cloned().chain([self.0.clone().into()]).collect();
        let mut command = Command::new(&words[0]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.args(&words[1..]).args(arguments).stdin(Stdio::null());
        command.envs(plan.settings.iter().cloned()).env("COUNTERFOIL_DATA_DIR", &plan.dir);
        for name in &plan.removed {
            command.env_remove(name);
        }
        if let Some(user) = plan.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs a command of it to its end.
    ///
    /// # Errors
    ///
    /// If it cannot be run at all.
    pub fn run(&self, plan: &Plan, arguments: &[&str]) -> Result<Output> {
        self.command(plan, arguments).output().with_context(|| format!("{} cannot be run", self.0.display()))
    }

    /// Makes an admin key, by way of the server that runs in the directory.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn admin_key(&self, plan: &Plan) -> Result<String> {
        let output = self.run(&Plan::of(&plan.dir), &["admin-key", "add", "trial"])?;
        ensure!(output.status.success(), "no admin key: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts a server, and waits until it says where it listens.
    ///
    /// # Errors
    ///
    /// If it cannot be run or says nothing. A server that ends before is a [`Start::Refused`].
    pub fn start(&self, plan: &Plan) -> Result<Start> {
        let (out, log) = (plan.dir.with_extension("out"), plan.dir.with_extension("log"));
        let begun = Instant::now();
        let mut command = self.command(plan, &["serve"]);
        let child = command.stdout(File::create(&out)?).stderr(File::create(&log)?).spawn()?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, at: nowhere, log, took: Duration::ZERO };
        while begun.elapsed() < PATIENCE {
            if let Some(at) = told_address(&out)? {
                (server.at, server.took) = (at, begun.elapsed());
                return Ok(Start::Serves(server));
            }
            if let Some(status) = server.child.try_wait()? {
                return Ok(Start::Refused { status, said: server.said()? });
            }
            sleep(Duration::from_millis(1));
        }
        bail!("it neither serves nor ends: {}", server.said()?)
    }

    /// Starts a server, and kills it after `wait`, however far it has come.
    ///
    /// # Errors
    ///
    /// If it cannot be run.
    pub fn kill_a_start(&self, plan: &Plan, wait: Duration) -> Result<()> {
        let mut child = self.command(plan, &["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        sleep(wait);
        // It may have ended by itself.
        let _ = child.kill();
        child.wait()?;
        Ok(())
    }

    /// Starts a server that is expected to serve.
    ///
    /// # Errors
    ///
    /// If it does not, with what it said.
    pub fn serve(&self, plan: &Plan) -> Result<Server> {
        match self.start(plan)? {
            Start::Serves(server) => Ok(server),
            Start::Refused { status, said } => bail!("it does not serve: {status}; {said}"),
        }
    }
}

/// What would change how the binary behaves.
fn is_ours(name: &str) -> bool {
    name.starts_with("COUNTERFOIL_") || name == "RUST_LOG"
}

/// Where the server says that it listens, once the line is whole.
fn told_address(out: &Path) -> Result<Option<SocketAddr>> {
    let text = fs::read_to_string(out)?;
    let Some((first, _)) = text.split_once('\n') else { return Ok(None) };
    let (_, address) = first.split_once("://").with_context(|| format!("it says {first:?}"))?;
    Ok(Some(address.parse()?))
}

/// What became of a start.
#[derive(Debug)]
pub enum Start {
    /// It serves.
    Serves(Server),
    /// It ended.
    Refused {
        /// How.
        status: ExitStatus,
        /// What it said of it.
        said: String,
    },
}

/// Whether what a command said is one clear error: one line `error:`, a `hint:` perhaps, and no panic. Warnings
/// of the log may come before.
pub fn is_one_clear_error(said: &str) -> bool {
    let count = |begin: &str| said.lines().filter(|line| line.starts_with(begin)).count();
    count("error: ") == 1 && count("hint: ") <= 1 && !said.contains("panicked")
}

/// A server that runs; it is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub at: SocketAddr,
    log: PathBuf,
    /// How long it took from the start of the process until it said so.
    pub took: Duration,
}

impl Server {
    /// Everything that it has written to its journal.
    ///
    /// # Errors
    ///
    /// If that cannot be read.
    pub fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Ends it as a crash would: it cannot do anything any more.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// If that does not come within `limit`.
    pub fn end_within(mut self, limit: Duration) -> Result<(ExitStatus, Duration)> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok((status, begun.elapsed()));
            }
            ensure!(begun.elapsed() < limit, "it does not end");
            sleep(Duration::from_millis(2));
        }
    }

    /// How many bytes of memory it has.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn resident(&self) -> Result<u64> {
        let pages = fs::read_to_string(format!("/proc/{}/statm", self.child.id()))?;
        let pages: u64 = pages.split(' ').nth(1).context("statm is short")?.parse()?;
        Ok(pages * 4096)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
