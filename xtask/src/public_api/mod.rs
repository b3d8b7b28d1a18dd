//! `cargo xtask public-api`: compares the public items of the library crates with the lists in `docs/public-api`.
//!
//! A change of the lists shows in review what a user of the library must change. The lists come from the JSON that
//! rustdoc writes, which only a bootstrapping compiler offers: `RUSTC_BOOTSTRAP=1` is set for rustdoc alone, since
//! build scripts react to it and every dependency would be built again.
//!
//! From the same JSON it checks that each library exports the types that its signatures name.

mod exports;
mod rustdoc;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use counterfoil_test_support::requires_all;
use public_api::Builder;
use serde::Deserialize;

use crate::public_api::exports::Documents;
use crate::public_api::rustdoc::Document;
use crate::workspace;

/// The library crates that applications name.
const CRATES: [&str; 2] = ["counterfoil", "counterfoil-verify"];

/// The crates of which they export types.
const INNER_CRATES: [&str; 3] = ["counterfoil-core", "counterfoil-jose", "counterfoil-pages"];

/// The folder of the lists, below the root.
const FOLDER: &str = "docs/public-api";

/// The version of rustdoc's JSON that the crate `public-api` reads.
const FORMAT_VERSION: u32 = 57;

/// Set when cargo starts this program in the place of rustdoc. Holds the path of rustdoc.
const RUSTDOC: &str = "XTASK_RUSTDOC";

/// Whether to compare or to write.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Writes the lists instead of comparing them.
    #[arg(long)]
    update: bool,
}

/// The member of rustdoc's JSON that gives its version.
#[derive(Deserialize)]
struct Header {
    format_version: u32,
}

/// Compares the public items with the lists, or writes the lists. Checks that the libraries export what they name.
///
/// # Errors
///
/// If an item was added, removed or changed, a type is not exported, or rustdoc failed. Also if rustdoc writes another
/// format of JSON and the lists are updated or every test is required.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut documents = Documents::new();
    let mut changed = Vec::new();
    for name in CRATES.into_iter().chain(INNER_CRATES) {
        let json = rustdoc_json(name)?;
        if let Some(reason) = unreadable(&json)? {
            if options.update || requires_all() {
                bail!("{reason}");
            }
            println!("skipped: {reason}");
            return Ok(());
        }
        documents.insert(name.replace('-', "_"), Document::read(&json)?);
        if CRATES.contains(&name) && !compare(name, json, options)? {
            changed.push(name);
        }
    }
    let missing: usize = CRATES.into_iter().map(|name| count_missing_exports(&documents, name)).sum();
    if !changed.is_empty() {
        bail!("the public items of {} changed: run `cargo xtask public-api --update`", changed.join(", "));
    }
    if missing > 0 {
        bail!("{missing} types in public signatures are not exported: add them to `lib.rs` of the library");
    }
    Ok(())
}

/// Why the JSON cannot be read, if it has another format.
fn unreadable(json: &Path) -> Result<Option<String>> {
    let Header { format_version } = serde_json::from_str(&fs::read_to_string(json)?)?;
    let reason = || format!("this rustdoc writes format {format_version}, and {FORMAT_VERSION} can be read");
    Ok((format_version != FORMAT_VERSION).then(reason))
}

/// Compares the items of a library with its list, or writes the list. Returns whether they are the same.
fn compare(name: &str, json: PathBuf, options: &Options) -> Result<bool> {
    let items = public_items(json)?;
    let list = workspace::root().join(FOLDER).join(format!("{name}.txt"));
    if options.update {
        fs::create_dir_all(workspace::root().join(FOLDER))?;
        fs::write(&list, items).with_context(|| format!("cannot write {}", list.display()))?;
        return Ok(true);
    }
    let expected = fs::read_to_string(&list).unwrap_or_default();
    let difference = difference(&expected, &items);
    println!("{name}: {} public items, {} changed", items.lines().count(), difference.len());
    difference.iter().for_each(|line| println!("  {line}"));
    Ok(difference.is_empty())
}

/// Prints the types that a library names and does not export. Returns how many there are.
fn count_missing_exports(documents: &Documents, name: &str) -> usize {
    let missing = exports::missing(documents, &name.replace('-', "_"));
    for (definition, users) in &missing {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        println!(
            "error: {name} does not export {definition}, which is in a signature of {}",
            users.join(", ")
        );
    }
    missing.len()
}

/// Runs rustdoc for one crate with all features. Returns the path of the JSON file.
fn rustdoc_json(name: &str) -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["rustdoc", "--quiet", "--locked", "--lib", "--all-features", "--package", name, "--"]);
    command.args(["-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"]);
    command.env(RUSTDOC, env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into()));
    command.env("RUSTDOC", env::current_exe().context("the path of this program is unknown")?);
    workspace::run(&mut command)?;
    let folder = workspace::Metadata::read()?.target_directory.join("doc");
    Ok(folder.join(format!("{}.json", name.replace('-', "_"))))
}

/// If cargo started this program as rustdoc: runs rustdoc with the same arguments and unstable options allowed.
pub(crate) fn run_as_rustdoc() -> Option<ExitCode> {
    let rustdoc = env::var_os(RUSTDOC)?;
    let status = Command::new(rustdoc).args(env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1").status();
    let is_success = status.is_ok_and(|status| status.success());
    Some(if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The public items, one a line, without what every type has: blanket, auto and derived implementations.
fn public_items(json: PathBuf) -> Result<String> {
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .context("rustdoc's JSON is not readable")?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// The lines that only one of the two lists contains: `-` before those of `old`, `+` before those of `new`.
fn difference(old: &str, new: &str) -> Vec<String> {
    let missing = |list: &str, line: &str| !list.lines().any(|other| other == line);
    let removed = old.lines().filter(|line| missing(new, line)).map(|line| format!("- {line}"));
    let added = new.lines().filter(|line| missing(old, line)).map(|line| format!("+ {line}"));
    removed.chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_signature_is_a_removed_and_an_added_item() {
        let (old, new) = ("pub fn a::f()\npub fn a::g()\n", "pub fn a::f(u8)\npub fn a::g()\n");

        assert_eq!(difference(old, new), ["- pub fn a::f()", "+ pub fn a::f(u8)"]);
        assert!(difference(new, new).is_empty());
    }
}
