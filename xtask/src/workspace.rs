//! The workspace as cargo sees it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The folder of the root manifest.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The cargo that runs this program, at the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The seconds after which a program of tests is stopped. The longest takes about one minute on two cores.
const TEST_PROGRAM_SECONDS: u32 = 900;

/// `cargo test`, which stops a program of tests that hangs: the run continues, and reports a failure that names the program.
///
/// # Errors
///
/// If rustc does not tell the platform of this machine.
pub(crate) fn cargo_test() -> Result<Command> {
    let mut command = cargo();
    if Command::new("timeout").arg("--version").output().is_ok_and(|output| output.status.success()) {
        let platform = host()?.to_uppercase().replace('-', "_");
        let runner = format!("timeout --foreground --verbose --kill-after=10 {TEST_PROGRAM_SECONDS}");
        let variable = format!("CARGO_TARGET_{platform}_RUNNER");
        // A runner of the developer stays.
        if std::env::var_os(&variable).is_none() {
            command.env(variable, runner);
        }
    }
    command.arg("test");
    Ok(command)
}

/// Runs `command` on the terminal of this program. An exit status other than 0 is an error that shows the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("\n== {}", shown(command));
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("{} exited with {status}", shown(command));
    }
    Ok(())
}

/// Runs `command` and returns what it prints. An exit status other than 0 is an error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} exited with {}", shown(command), output.status);
    }
    String::from_utf8(output.stdout).context("the output is not UTF-8")
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy()).fold(
        String::new(),
        |line, word| if line.is_empty() { word.into_owned() } else { format!("{line} {word}") },
    )
}

/// The output of `cargo metadata` for the platform of this machine.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// Every package of the lock file, also those for other platforms.
    pub(crate) packages: Vec<Package>,
    /// The dependency graph of what is built here.
    pub(crate) resolve: Resolve,
    /// The ids of our own packages.
    pub(crate) workspace_members: Vec<String>,
    /// The folder of build output.
    pub(crate) target_directory: PathBuf,
}

/// A package.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression, as its author wrote it.
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
}

/// The dependency graph.
#[derive(Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// One package of the graph and its dependencies.
#[derive(Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<Dependency>,
}

/// One dependency of a package.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

/// Whether the dependency is for the code (`None`), for tests (`dev`) or for a build script (`build`).
#[derive(Deserialize)]
pub(crate) struct DependencyKind {
    pub(crate) kind: Option<String>,
}

impl Metadata {
    /// Runs `cargo metadata` with all features.
    pub(crate) fn read() -> Result<Self> {
        let platform = host()?;
        let text = output(cargo().args([
            "metadata",
            "--locked",
            "--format-version=1",
            "--all-features",
            "--filter-platform",
            &platform,
        ]))?;
        serde_json::from_str(&text).context("cannot read the output of cargo metadata")
    }

    /// The package `id`.
    pub(crate) fn package(&self, id: &str) -> &Package {
        self.packages
            .iter()
            .find(|package| package.id == id)
            .expect("every package of the graph is in the list")
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.workspace_members.iter().map(|id| self.package(id))
    }
}

/// The platform that rustc compiles for by default.
fn host() -> Result<String> {
    let about = output(Command::new("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}
