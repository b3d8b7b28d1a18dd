//! `cargo xtask bench verify`: the cost of verifying a token, next to the bare primitive and other libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Tool};
use crate::workspace;

/// A separate workspace, so that the other libraries are not in our lock file.
const BASELINES: &str = "benches/baselines";
/// The recorded cost of one verification beyond the primitive, in instructions, by algorithm.
const RECORD: &str = "benches/baselines/instructions.txt";
/// How much more than the record is an error, in percent. A new compiler changes it by less.
const MARGIN: u64 = 10;
/// The number of verifications that are counted.
const ITERATIONS: u64 = 200;

/// Measures all libraries in one interleaved run. Then counts instructions, which do not depend on the load of the
/// machine, and compares them with the record.
pub(crate) fn run() -> Result<()> {
    let program = build()?;
    workspace::run(&mut Command::new(&program))?;
    packages::ensure(&[Tool { program: "valgrind", packages: "valgrind" }])?;
    compare(&program)
}

/// Builds the program of the other libraries, and returns where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let target = workspace::Metadata::read()?.target_directory;
    let manifest = Path::new(BASELINES).join("Cargo.toml");
    let mut build = workspace::cargo();
    // Not `--locked`: the lock file of this workspace does not follow the dependencies of our own crates.
    build.args(["build", "--profile=dist", "--manifest-path"]).arg(manifest);
    // The options with which SQLite is compiled for us lack a function that the other libraries call.
    workspace::run(build.arg("--target-dir").arg(&target).env("LIBSQLITE3_FLAGS", " "))?;
    Ok(target.join("dist/counterfoil-baselines"))
}

/// Names every algorithm that costs more than the record allows, then fails.
fn compare(program: &Path) -> Result<()> {
    let record = fs::read_to_string(workspace::root().join(RECORD));
    let record = record.with_context(|| format!("cannot read {RECORD}"))?;
    let mut worse = Vec::new();
    println!("\ninstructions beyond the primitive, and the record in {RECORD}");
    for line in record.lines().filter(|line| !line.starts_with('#')) {
        let (algorithm, recorded) = line.split_once(' ').with_context(|| format!("{RECORD}: {line}"))?;
        let recorded: u64 = recorded.trim().parse().with_context(|| format!("{RECORD}: {line}"))?;
        let cost =
            count(program, algorithm, "counterfoil")?.saturating_sub(count(program, algorithm, "primitive")?);
        println!("{algorithm:<10} {cost:>8} {recorded:>8}");
        if cost * 100 > recorded * (100 + MARGIN) {
            worse.push(algorithm.to_owned());
        }
    }
    if worse.is_empty() {
        Ok(())
    } else {
        bail!("more than {MARGIN} % above the record: {}", worse.join(", "))
    }
}

/// The instructions of one verification as callgrind counts them.
fn count(program: &Path, algorithm: &str, library: &str) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"]);
    valgrind.arg(program).args(["count", algorithm, library, &ITERATIONS.to_string()]);
    let output = valgrind.output().context("cannot run valgrind")?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    let (_, total) = collected.with_context(|| format!("valgrind reports no count: {report}"))?;
    Ok(total.trim().parse::<u64>().context("valgrind reports a count that is not a number")? / ITERATIONS)
}
