//! The benchmark of another revision, built from an archive of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// Builds the benchmark of `revision` with the profile `dist`, and returns its program. It is kept in the folder of build
/// output, one for each commit.
pub(crate) fn build(revision: &str, target: &Path) -> Result<PathBuf> {
    let mut git = Command::new("git");
    git.current_dir(workspace::root()).args(["rev-parse", "--verify", "--end-of-options"]);
    let commit = workspace::output(git.arg(format!("{revision}^{{commit}}")))?;
    let dir = target.join("bench-before").join(commit.trim());
    let program = dir.join("counterfoil-bench");
    if program.exists() {
        return Ok(program);
    }
    let tree = dir.join("tree");
    extract(commit.trim(), &tree)?;
    let mut cargo = workspace::cargo();
    cargo.current_dir(&tree).env("CARGO_TARGET_DIR", target);
    workspace::run(cargo.args(["build", "--profile=dist", "--locked", "--package=counterfoil-benches"]))?;
    // The next build replaces it.
    fs::copy(target.join("dist/counterfoil-bench"), &program).context("cannot copy the benchmark")?;
    fs::remove_dir_all(&tree)?;
    Ok(program)
}

/// Writes the files of `commit` to the folder `tree`.
fn extract(commit: &str, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    fs::create_dir_all(tree)?;
    let archive = tree.with_extension("tar");
    let mut git = Command::new("git");
    git.current_dir(workspace::root())
        .args(["archive", "--format=tar", "--output"])
        .arg(&archive)
        .arg(commit);
    workspace::run(&mut git)?;
    // Without the times of the archive, by which cargo would take the files for older than what it has built.
    workspace::run(Command::new("tar").arg("-xmf").arg(&archive).arg("-C").arg(tree))?;
    Ok(fs::remove_file(archive)?)
}
