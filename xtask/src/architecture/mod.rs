//! `cargo xtask architecture`: which module may import which, and which code only one file may contain.
//!
//! The rules are tables in [`rules`]. Comments and test code are not read.

use std::path::Path;

use anyhow::{Result, bail};

use crate::module_graph;
use crate::rust_source::{self, RustFile};
use crate::workspace::Metadata;

mod layers;
mod restriction;
mod rules;

/// Checks every rule and prints every violation.
///
/// # Errors
///
/// If a rule is violated, or names a file that does not exist.
pub(crate) fn run() -> Result<()> {
    let files = rust_source::read_tree(Path::new("crates"))?;
    let mut violations = violations(&files);
    let cycles = module_graph::all_cycles(&Metadata::read()?)?;
    violations.extend(cycles.into_iter().map(|cycle| format!("imports form a cycle: {cycle}")));

    let count = rules::restrictions().count() + rules::LAYERED.len() + rules::MODULE_LIMITS.len() + 1;
    println!("{count} rules, {} files", files.len());
    for violation in &violations {
        eprintln!("error: {violation}");
    }
    if !violations.is_empty() {
        bail!("{} violations of the architecture", violations.len());
    }
    Ok(())
}

/// The violations of all tables in [`rules`].
fn violations(files: &[RustFile]) -> Vec<String> {
    let mut found = Vec::new();
    for restriction in rules::restrictions() {
        found.extend(restriction.missing_files(files));
        found.extend(restriction.missing_names(files));
        found.extend(files.iter().flat_map(|file| restriction.violations(file)));
    }
    for layered in rules::LAYERED {
        found.extend(layered.violations(files));
    }
    for limit in rules::MODULE_LIMITS {
        found.extend(limit.violations(files));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_every_rule() {
        let files = rust_source::read_tree(Path::new("crates")).unwrap();
        assert!(files.len() > 50, "the files were not found");

        let violations = violations(&files);

        assert!(violations.is_empty(), "\n{}", violations.join("\n"));
    }

    #[test]
    fn no_imports_form_a_cycle() {
        let cycles = module_graph::all_cycles(&Metadata::read().unwrap()).unwrap();

        assert!(cycles.is_empty(), "\n{}", cycles.join("\n"));
    }
}
