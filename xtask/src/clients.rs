//! `cargo xtask clients`: builds, packs and tests the JavaScript packages and the Python package, against a server
//! that their tests start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{interop_tools, packages, python_package, workspace};

/// The folder of the npm workspace.
const FOLDER: &str = "clients/js";

/// A copy of the lock file from which `node_modules` was installed.
const RECORD: &str = "node_modules/installed-package-lock.json";

/// Builds the server, then tests the packages.
pub(crate) fn run() -> Result<()> {
    let mut server = workspace::cargo();
    server.args(["build", "-p", "counterfoil-cli", "--all-features", "--locked"]);
    workspace::run(&mut server)?;
    test(None)
}

/// Tests the packages with the server binary that an earlier step has built. Skipped tests append to `skip_list`.
///
/// # Errors
///
/// If npm or Python is not installed and cannot be installed, or if a test fails.
pub(crate) fn test(skip_list: Option<&Path>) -> Result<()> {
    let server = server()?;
    python_package::test(&server, skip_list)?;
    let folder = build()?;
    let mut tests = npm(&folder);
    if let Some(file) = skip_list {
        tests.env(counterfoil_test_support::SKIP_LIST, file);
    }
    workspace::run(tests.env("COUNTERFOIL", server).args(["test"]))
}

/// Measures `@counterfoil/node` beside the packages that it replaces, with this binary of the server.
///
/// # Errors
///
/// If npm or Redis is not installed and cannot be installed, or if a measurement fails.
pub(crate) fn bench(server: &Path) -> Result<()> {
    packages::ensure_for_tests(true)?;
    let folder = build()?;
    for measurement in ["verify", "express", "revocation"] {
        let mut node = Command::new("node");
        node.current_dir(&folder).arg(format!("bench/{measurement}.mjs")).env("COUNTERFOIL", server);
        workspace::run(&mut node)?;
    }
    Ok(())
}

/// Installs what the JavaScript packages need and builds them. Returns their folder.
fn build() -> Result<PathBuf> {
    packages::ensure(&interop_tools::NODE)?;
    let folder = workspace::root().join(FOLDER);
    install(&folder)?;
    workspace::run(npm(&folder).args(["run", "build"]))?;
    Ok(folder)
}

/// The binary of the server, as the tests of the workspace build it.
fn server() -> Result<PathBuf> {
    let file = workspace::Metadata::read()?.target_directory.join("debug/counterfoil");
    if !file.is_file() {
        bail!("{} is missing; run cargo xtask clients, which builds it", file.display());
    }
    Ok(file)
}

/// Installs the dependencies in the versions of the lock file, unless they are there.
fn install(folder: &Path) -> Result<()> {
    let wanted = fs::read(folder.join("package-lock.json")).context("cannot read package-lock.json")?;
    let record = folder.join(RECORD);
    if fs::read(&record).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // Packages must not run scripts during the installation.
    workspace::run(npm(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(record, wanted).context("cannot record what is installed")
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    npm
}
