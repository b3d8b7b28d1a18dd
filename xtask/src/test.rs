//! `cargo xtask test`: every test and check in one command, on a machine with nothing but a Rust toolchain.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use counterfoil_test_support::{SKIP_LIST, requires_all};

use crate::{
    architecture, clients, interleavings, interop_tools, module_graph, packages, public_api, threat_model,
    valkey, words, workspace,
};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs only the tests whose name contains this, and no other check.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Installs what is missing, then runs unit, integration and documentation tests and all checks of the text. Every
/// part runs, also after a failure. At the end it prints how long each part took, and which tests were skipped.
///
/// # Errors
///
/// If a part failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut parts = Parts::default();
    // They need no build, so their errors come first.
    if options.filter.is_none() {
        parts.run("words", words::run);
        parts.run("architecture", architecture::run);
        parts.run("threat-model-check", threat_model::run);
        parts.run("module-graph", || module_graph::run(&module_graph::Options::default()));
    }
    let skip_list = SkipList::create()?;
    parts.run("packages", || packages::ensure_for_tests(requires_all()));
    let mut interop_tools = None;
    parts.run("interop-tools", || {
        interop_tools = Some(interop_tools::find(requires_all())?);
        Ok(())
    });
    parts.run("tests", || {
        let mut tests = workspace::cargo_test()?;
        tests.args(["--workspace", "--all-features", "--locked", "--no-fail-fast"]);
        tests.env(SKIP_LIST, &skip_list.0);
        if let Some(folder) = &interop_tools {
            tests.env(interop_tools::FOLDER, folder);
        }
        workspace::run(tests.args(&options.filter))
    });

    if options.filter.is_none() {
        if let Some(server) = interop_tools.map(|folder| folder.join("valkey").join(valkey::PROGRAM)) {
            parts.run("valkey", || test_on_valkey(&server, &skip_list.0));
        }
        parts.run("application", test_application);
        parts.run("clients", || clients::test(Some(&skip_list.0)));
        parts.run("interleavings", interleavings::run);
        parts.run("public-api", || public_api::run(&public_api::Options::default()));
    }
    parts.show();
    skip_list.show()?;
    parts.finish()
}

/// Runs the tests of the shared cache once more, with Valkey in the place of Redis.
fn test_on_valkey(server: &Path, skip_list: &Path) -> Result<()> {
    if !server.exists() {
        println!("there is no Valkey: the tests of the shared cache ran on Redis alone");
        return Ok(());
    }
    let mut tests = workspace::cargo_test()?;
    // The packages and features of the run before, so that nothing is built again.
    tests.args(["--workspace", "--all-features", "--locked", "--test=redis"]);
    workspace::run(tests.env("COUNTERFOIL_REDIS_SERVER", server).env(SKIP_LIST, skip_list))
}

/// Tests an application that embeds Counterfoil and is no member of the workspace. It takes the dependencies that the
/// workspace has built already.
fn test_application() -> Result<()> {
    let mut tests = workspace::cargo_test()?;
    let target = workspace::Metadata::read()?.target_directory;
    tests.args(["--locked", "--manifest-path", "examples/application/Cargo.toml", "--target-dir"]);
    workspace::run(tests.arg(target))
}

/// The parts of a run: how long each took, and which failed.
#[derive(Default)]
struct Parts {
    times: Vec<(&'static str, Duration)>,
    failed: Vec<&'static str>,
}

impl Parts {
    fn run(&mut self, name: &'static str, part: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let start = Instant::now();
        if let Err(error) = part() {
            eprintln!("error: {error:#}");
            self.failed.push(name);
        }
        self.times.push((name, start.elapsed()));
    }

    fn show(&self) {
        println!("\nseconds");
        for (name, time) in &self.times {
            let result = if self.failed.contains(name) { "failed" } else { "" };
            println!("{:>8.1}  {name:<20} {result}", time.as_secs_f64());
        }
    }

    fn finish(&self) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join(", "));
        }
        println!("\nall tests passed");
        Ok(())
    }
}

/// The file to which skipped tests append their lines.
struct SkipList(PathBuf);

impl SkipList {
    fn create() -> Result<Self> {
        let folder = workspace::Metadata::read()?.target_directory;
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let file = folder.join("skipped-tests.txt");
        fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self(file))
    }

    fn show(&self) -> Result<()> {
        let text = fs::read_to_string(&self.0).context("cannot read the list of skipped tests")?;
        println!("\n{}", summary(&text));
        Ok(())
    }
}

/// The skipped tests, sorted, after one line that counts them.
fn summary(list: &str) -> String {
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    if lines.is_empty() {
        return "no test was skipped".to_owned();
    }
    format!("{} tests did not run:\n  {}", lines.len(), lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_counted_and_sorted() {
        assert_eq!(summary(""), "no test was skipped");
        assert_eq!(
            summary("skipped: b: no root\nnot here: a: no IPv6\nskipped: b: no root\n"),
            "2 tests did not run:\n  not here: a: no IPv6\n  skipped: b: no root"
        );
    }

    #[test]
    fn a_failed_part_does_not_stop_the_next_and_fails_the_run() {
        let mut parts = Parts::default();
        let mut ran = false;

        parts.run("first", || bail!("broken"));
        parts.run("second", || {
            ran = true;
            Ok(())
        });

        assert!(ran);
        assert_eq!(parts.finish().unwrap_err().to_string(), "failed: first");
    }
}
