//! `cargo xtask interop-tools`: installs JOSE libraries of other languages and the driver of the
//! browser tests, in the versions of their lock files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Tool};
use crate::workspace;

/// The environment variable with the folder of the libraries, for the interoperability tests.
pub(crate) const FOLDER: &str = "COUNTERFOIL_INTEROP";

/// Node and Python, each with its package installer.
const TOOLS: [Tool; 3] = [
    Tool { program: "node", packages: "nodejs" },
    Tool { program: "npm", packages: "npm" },
    Tool { program: "python3", packages: "python3 python3-venv" },
];

/// The programs that call the libraries, with the lock files.
const SOURCE: &str = "crates/counterfoil/tests/interop";

/// The program that drives Chromium, with its lock file.
const BROWSER: &str = "crates/counterfoil/tests/browser/node";

/// Installs the libraries and prints where they are.
pub(crate) fn run() -> Result<()> {
    println!("{FOLDER}={}", install()?.display());
    Ok(())
}

/// The folder with the installed libraries. `None` if they cannot be installed, for example without a network: the
/// tests that need them are skipped.
///
/// # Errors
///
/// If they cannot be installed and `requires_all` holds.
pub(crate) fn find(requires_all: bool) -> Result<Option<PathBuf>> {
    match install() {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if requires_all => bail!("the interoperability tools cannot be installed: {error:#}"),
        Err(error) => {
            println!("the interoperability tools cannot be installed: {error:#}\ntheir tests are skipped");
            Ok(None)
        }
    }
}

fn install() -> Result<PathBuf> {
    packages::ensure(&TOOLS)?;
    let (source, folder) = (workspace::root().join(SOURCE), target()?.join("interop"));
    for part in ["node", "python"] {
        copy(&source.join(part), &folder.join(part))?;
    }
    copy(&workspace::root().join(BROWSER), &folder.join("browser"))?;
    install_once(&folder.join("node"), "package-lock.json", npm)?;
    install_once(&folder.join("browser"), "package-lock.json", npm)?;
    install_once(&folder.join("python"), "requirements.txt", pip)?;
    Ok(folder)
}

fn target() -> Result<PathBuf> {
    Ok(workspace::Metadata::read()?.target_directory)
}

/// Copies the files of a folder. What an earlier run installed there is kept.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let file = file?;
        if file.file_type()?.is_file() {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

/// Installs into `folder`, unless an earlier run did so for the same lock file.
fn install_once(folder: &Path, lock: &str, install: fn(&Path) -> Result<()>) -> Result<()> {
    let (wanted, record) = (fs::read(folder.join(lock))?, folder.join("installed"));
    if fs::read(&record).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("missing: the libraries of {lock}; installing into {}", folder.display());
    install(folder)?;
    fs::write(record, wanted).context("cannot record what is installed")
}

fn npm(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    // Packages must not run scripts during the installation.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    workspace::run(npm.current_dir(folder))
}

fn pip(folder: &Path) -> Result<()> {
    workspace::run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder))?;
    let mut pip = Command::new(folder.join("venv/bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--only-binary=:all:", "--requirement=requirements.txt"]);
    workspace::run(pip.current_dir(folder))
}
