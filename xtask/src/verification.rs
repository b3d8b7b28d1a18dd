//! `cargo xtask bench verify`: verification of a token beside the bare primitive and other libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Tool};
use crate::workspace;

/// A workspace of its own: what the others pull in is in no lock file of ours.
const PEERS: &str = "benches/peers";
/// What one verification may cost beside the primitive, in instructions, by algorithm.
const KEPT: &str = "benches/peers/instructions.txt";
/// How much more than what is kept is a fault, in percent. Compilers change by less.
const MARGIN: u64 = 10;
/// How many verifications are counted.
const TIMES: u64 = 200;

/// Times all of them in one interleaved run, then counts instructions, which do not depend on what else the machine
/// does, and compares them with those that are kept.
pub(crate) fn run() -> Result<()> {
    let program = build()?;
    workspace::run(&mut Command::new(&program))?;
    packages::ensure(&[Tool { program: "valgrind", package: "valgrind" }])?;
    judge(&program)
}

fn build() -> Result<PathBuf> {
    let target = workspace::Metadata::read()?.target_directory;
    let manifest = Path::new(PEERS).join("Cargo.toml");
    let mut build = workspace::cargo();
    // Not locked: what our own crates depend on changes without this workspace being told.
    build.args(["build", "--release", "--manifest-path"]).arg(manifest);
    workspace::run(build.arg("--target-dir").arg(&target))?;
    Ok(target.join("release/counterfoil-peers"))
}

/// Names every algorithm that costs more than it may before it fails.
fn judge(program: &Path) -> Result<()> {
    let kept = fs::read_to_string(workspace::root().join(KEPT)).with_context(|| format!("no {KEPT}"))?;
    let mut worse = Vec::new();
    println!("\ninstructions beside the primitive, and what is kept in {KEPT}");
    for line in kept.lines().filter(|line| !line.starts_with('#')) {
        let (algorithm, kept) = line.split_once(' ').with_context(|| format!("{KEPT}: {line}"))?;
        let kept: u64 = kept.trim().parse().with_context(|| format!("{KEPT}: {line}"))?;
        let cost = count(program, algorithm, "ours")?.saturating_sub(count(program, algorithm, "raw")?);
        println!("{algorithm:<10} {cost:>8} {kept:>8}");
        if cost * 100 > kept * (100 + MARGIN) {
            worse.push(algorithm.to_owned());
        }
    }
    if worse.is_empty() { Ok(()) } else { bail!("more than {MARGIN} % dearer: {}", worse.join(", ")) }
}

/// The instructions of one verification, as callgrind counts them.
fn count(program: &Path, algorithm: &str, who: &str) -> Result<u64> {
    let mut counting = Command::new("valgrind");
    counting.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"]);
    counting.arg(program).args(["count", algorithm, who, &TIMES.to_string()]);
    let output = counting.output().context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, total) = collected.with_context(|| format!("valgrind counts nothing: {said}"))?;
    Ok(total.trim().parse::<u64>().context("a count")? / TIMES)
}
