//! Runs foreign programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_test_support::interop_folder;

/// A file of the repository.
pub(crate) fn repository_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// A Python program of the folder `python`. `None` if its libraries are not installed: the test is skipped.
pub(crate) fn python(program: &str) -> Option<Command> {
    let folder = interop_folder("documents-python")?;
    let mut command = Command::new(folder.join("venv/bin/python"));
    command.arg(program).current_dir(folder);
    Some(command)
}

/// promtool with these arguments. `None` if it is not installed: the test is skipped.
pub(crate) fn promtool<S: AsRef<OsStr>>(arguments: &[S]) -> Option<Command> {
    let mut command = Command::new(interop_folder("promtool")?.join("promtool"));
    command.args(arguments);
    Some(command)
}

/// Runs a program to its end while the server of this test answers it. Returns what it prints.
///
/// # Panics
///
/// If it fails; the panic shows its errors.
pub(crate) async fn output(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let [printed, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{}\n{printed}{errors}", output.status);
    printed
}
