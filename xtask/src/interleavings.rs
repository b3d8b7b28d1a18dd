//! `cargo xtask interleavings`: the structures that threads share, over many schedules of their threads.

use std::env;

use anyhow::Result;

use crate::workspace;

/// Builds the session cache and the revocations with the locks and atomics of a scheduler, in a target folder of their own,
/// and runs the tests of `models/interleavings`.
///
/// # Errors
///
/// If a schedule breaks a promise.
pub(crate) fn run() -> Result<()> {
    let target = workspace::Metadata::read()?.target_directory.join("interleavings");
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut tests = workspace::cargo_test()?;
    tests.args(["--locked", "--profile=interleavings", "--package=counterfoil-interleavings"]);
    tests.arg("--target-dir").arg(target);
    // It has priority over the other variable, and without the flag the tests would be empty.
    tests.env_remove("CARGO_ENCODED_RUSTFLAGS");
    workspace::run(tests.env("RUSTFLAGS", format!("{flags} --cfg shuttle").trim()))
}
