//! Finds and runs the programs of others that `cargo xtask test` installs.

use std::path::PathBuf;
use std::process::Command;

use crate::skip;

/// The environment variable with the folder of the foreign programs, of which each has a folder of its own. `cargo xtask
/// test` installs them and sets it.
pub const INTEROP: &str = "COUNTERFOIL_INTEROP";

/// The folder of an installed foreign program, or of programs with foreign libraries. Without it, the running test is
/// skipped as by [`skip`], and this is `None`.
#[track_caller]
#[must_use]
pub fn interop_folder(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(INTEROP).map(PathBuf::from) else {
        skip(&format!("{INTEROP} is not set (cargo xtask test sets it)"));
        return None;
    };
    let folder = folder.join(name);
    if !folder.join("installed").exists() {
        skip(&format!("{} is not installed (cargo xtask test installs it)", folder.display()));
        return None;
    }
    Some(folder)
}

/// The browser. `None` if it is not installed: the running test is skipped.
#[track_caller]
#[must_use]
pub fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.is_file());
    if found.is_none() {
        skip("chromium is not installed (cargo xtask test installs it)");
    }
    found
}

/// A Python program of `crates/counterfoil/tests/documents/python`, which reads a document that a server publishes.
/// `None` if its libraries are not installed: the running test is skipped.
#[track_caller]
#[must_use]
pub fn python_reader(program: &str) -> Option<Command> {
    let folder = interop_folder("documents-python")?;
    let mut command = Command::new(folder.join("venv/bin/python"));
    command.arg(program).current_dir(folder);
    Some(command)
}

/// Runs a program to its end, and returns what it prints.
///
/// # Panics
///
/// If it fails; the panic shows its errors. If it cannot be started, or prints no UTF-8.
pub fn output_of(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [printed, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("programs print UTF-8"));
    assert!(output.status.success(), "{}\n{printed}{errors}", output.status);
    printed
}
