//! Foreign JOSE libraries that judge our tokens: installed below the target folder, as their lock files say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages::{self, Tool};
use crate::workspace;

/// Node and Python, each with what installs packages.
const TOOLS: [Tool; 3] = [
    Tool { program: "node", package: "nodejs" },
    Tool { program: "npm", package: "npm" },
    Tool { program: "python3", package: "python3 python3-venv" },
];

/// Where the programs that ask them lie, with the lock files.
const SOURCE: &str = "crates/counterfoil/tests/judges";

/// The folder with the libraries, ready to be asked. None, and a word about it, where they cannot be had: without
/// the network, say. The tests that ask them then say that they were skipped.
pub(crate) fn ensure() -> Option<PathBuf> {
    match install() {
        Ok(folder) => Some(folder),
        Err(reason) => {
            println!("skipped: tests with foreign libraries, which cannot be installed ({reason:#})");
            None
        }
    }
}

fn install() -> Result<PathBuf> {
    packages::ensure(&TOOLS)?;
    let (source, folder) = (workspace::root().join(SOURCE), target()?.join("judges"));
    for part in ["node", "python"] {
        copy(&source.join(part), &folder.join(part))?;
    }
    once(&folder.join("node"), "package-lock.json", npm)?;
    once(&folder.join("python"), "requirements.txt", pip)?;
    Ok(folder)
}

fn target() -> Result<PathBuf> {
    Ok(workspace::Metadata::read()?.target_directory)
}

/// Copies the files of a folder; what the last run installed beside them stays.
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

/// Installs into `folder` unless the last run did so for the same `lock`.
fn once(folder: &Path, lock: &str, install: fn(&Path) -> Result<()>) -> Result<()> {
    let (wanted, mark) = (fs::read(folder.join(lock))?, folder.join("installed"));
    if fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("missing: the libraries of {lock}; installing into {}", folder.display());
    install(folder)?;
    fs::write(mark, wanted).context("cannot note what is installed")
}

fn npm(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    // No package runs a program of its own here.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    workspace::run(npm.current_dir(folder))
}

fn pip(folder: &Path) -> Result<()> {
    workspace::run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder))?;
    let mut pip = Command::new(folder.join("venv/bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--only-binary=:all:", "--requirement=requirements.txt"]);
    workspace::run(pip.current_dir(folder))
}
