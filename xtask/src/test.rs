//! `cargo xtask test`: one command, on a fresh machine with nothing but a Rust toolchain.

use std::env;

use anyhow::Result;
use clap::Args;

use crate::{judges, packages, picture, threats, workspace};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs only the tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Installs what is missing, then runs unit, integration and documentation tests, the walk-through of the
/// README among them, and judges the picture of the code.
///
/// Tests print how many vectors they ran, so their output is shown.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::ensure(&packages::TESTING)?;
    say_what_is_skipped();

    let mut tests = workspace::cargo();
    tests.args(["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"]);
    if let Some(judges) = judges::ensure() {
        tests.env("COUNTERFOIL_JUDGES", judges);
    }
    workspace::run(tests.args(&options.filter))?;

    if options.filter.is_none() {
        println!("\n== threats");
        threats::run()?;
        println!("\n== picture");
        picture::run(&picture::Options::default())?;
    }
    println!("\nall tests passed");
    Ok(())
}

fn say_what_is_skipped() {
    match env::var_os("COUNTERFOIL_VECTORS") {
        Some(folder) => println!("test vectors: {}", folder.display()),
        None => println!("skipped: tests with foreign vectors (COUNTERFOIL_VECTORS names no folder)"),
    }
}
