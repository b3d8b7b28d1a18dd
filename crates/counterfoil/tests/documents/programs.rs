//! Runs foreign programs while the server of a test answers them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_test_support::{interop_folder, output_of};

/// A file of the repository.
pub(crate) fn repository_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// promtool with these arguments. `None` if it is not installed: the test is skipped.
pub(crate) fn promtool<S: AsRef<OsStr>>(arguments: &[S]) -> Option<Command> {
    let mut command = Command::new(interop_folder("promtool")?.join("promtool"));
    command.args(arguments);
    Some(command)
}

/// Runs a program to its end on another thread, and returns what it prints.
///
/// # Panics
///
/// If it fails; the panic shows its errors.
pub(crate) async fn output(command: Command) -> String {
    tokio::task::spawn_blocking(move || output_of(command)).await.unwrap()
}
