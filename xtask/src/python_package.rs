//! Builds the Python package, installs it from its wheel, checks its types and tests it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{interop_tools, packages, workspace};

/// The folder of the package.
const FOLDER: &str = "clients/python";

/// Tests the package with the binary of the server. Skipped tests append to `skip_list`.
///
/// # Errors
///
/// If Python is not installed and cannot be installed, or if a test fails.
pub(crate) fn test(server: &Path, skip_list: Option<&Path>) -> Result<()> {
    packages::ensure(&interop_tools::PYTHON)?;
    let source = workspace::root().join(FOLDER);
    let folder = workspace::Metadata::read()?.target_directory.join("clients-python");
    install_tools(&source, &folder)?;
    let wheel = build(&source, &folder)?;
    let mut install = python(&folder, &source);
    install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall"]);
    workspace::run(install.arg(wheel))?;
    workspace::run(python(&folder, &source).args(["-m", "mypy"]))?;

    // In this folder `import counterfoil` finds the installed package, and not the source.
    let mut tests = python(&folder, &source.join("tests"));
    if let Some(file) = skip_list {
        tests.env(counterfoil_test_support::SKIP_LIST, file);
    }
    tests.env("COUNTERFOIL", server).env_remove("PYTHONPATH");
    workspace::run(tests.args(["-W", "ignore", "-m", "unittest", "discover", "--buffer"]))
}

/// Installs the tools in the versions of the lock file, unless they are there.
fn install_tools(source: &Path, folder: &Path) -> Result<()> {
    let wanted = fs::read(source.join("requirements.txt")).context("cannot read requirements.txt")?;
    let installed = folder.join("installed-requirements.txt");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("requirements.txt"), &wanted)?;
    println!("missing: the Python libraries of {FOLDER}; installing into {}", folder.display());
    interop_tools::pip(folder)?;
    fs::write(installed, wanted).context("cannot record what is installed")
}

/// Builds the wheel from the source distribution, so that both are complete.
fn build(source: &Path, folder: &Path) -> Result<PathBuf> {
    fs::copy(workspace::root().join("LICENSE-MIT"), source.join("LICENSE-MIT"))?;
    let output = folder.join("dist");
    if output.exists() {
        fs::remove_dir_all(&output)?;
    }
    let mut build = python(folder, source);
    build.args(["-m", "build", "--no-isolation", "--outdir"]).arg(&output);
    workspace::run(build.stdout(fs::File::create(folder.join("build.log"))?))?;
    let files = fs::read_dir(&output)?.map(|file| file.map(|file| file.path()));
    let wheel = files.filter_map(Result::ok).find(|file| file.extension().is_some_and(|name| name == "whl"));
    wheel.with_context(|| format!("no wheel was built into {}", output.display()))
}

fn python(folder: &Path, current: &Path) -> Command {
    let mut python = Command::new(folder.join("venv/bin/python"));
    python.current_dir(current);
    python
}
