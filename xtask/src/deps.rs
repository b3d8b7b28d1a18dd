//! `cargo xtask deps`: banned crates, licences, and the number of crates that the verifier needs.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::licence;
use crate::workspace::{self, Metadata};

/// Crates that no crate may depend on, and why.
const BANNED: [(&str, &str); 4] = [
    ("openssl-sys", "one crypto library: aws-lc-rs"),
    ("native-tls", "one crypto library: aws-lc-rs"),
    ("ring", "one crypto library: aws-lc-rs"),
    ("chrono", "time is a value that callers pass"),
];

/// Crates that run a build tool other than a C compiler, and the only crates that may depend on them. aws-lc-sys
/// needs cmake on platforms for which it has no prebuilt assembly, and does not run it on our platforms.
const BUILD_TOOLS: [(&str, &[&str]); 3] = [("cmake", &["aws-lc-sys"]), ("bindgen", &[]), ("nasm-rs", &[])];

/// The largest number of crates that the verifier may need, itself included: other services embed it.
const VERIFIER_CRATES: usize = 45;

/// Checks the dependencies and prints every violation.
///
/// # Errors
///
/// If there is a violation.
pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    let verifier = verifier_crates()?;

    let mut violations = bans(&metadata, &built_crates()?);
    violations.extend(licences(&metadata));
    if verifier > VERIFIER_CRATES {
        violations.push(format!("counterfoil-verify needs {verifier} crates, more than {VERIFIER_CRATES}"));
    }

    println!("{} crates, {verifier} of them for a verifier", metadata.resolve.nodes.len());
    for violation in &violations {
        eprintln!("error: {violation}");
    }
    if !violations.is_empty() {
        bail!("{} violations of the rules for dependencies", violations.len());
    }
    Ok(())
}

/// The crates that depend on a banned crate or on a build tool. Crates that only a disabled feature needs (ring, for
/// rustls-webpki) are in the lock file and in the metadata, but are not built and do not count.
fn bans(metadata: &Metadata, built: &BTreeSet<String>) -> Vec<String> {
    let mut violations = Vec::new();
    for node in &metadata.resolve.nodes {
        let parent = &metadata.package(&node.id).name;
        for dependency in &node.deps {
            let child = &metadata.package(&dependency.pkg).name;
            if built.contains(child) {
                violations.extend(check(parent, child));
            }
        }
    }
    violations
}

/// Why `parent` may not depend on `child`, if so.
fn check(parent: &str, child: &str) -> Option<String> {
    if let Some((_, reason)) = BANNED.iter().find(|(name, _)| *name == child) {
        return Some(format!("{parent} depends on {child}, which is banned ({reason})"));
    }
    let (_, allowed) = BUILD_TOOLS.iter().find(|(name, _)| *name == child)?;
    (!allowed.contains(&parent))
        .then(|| format!("{parent} depends on {child}, a tool that a build must not need"))
}

/// The packages whose licence is not allowed.
fn licences(metadata: &Metadata) -> Vec<String> {
    let refused =
        metadata.resolve.nodes.iter().map(|node| metadata.package(&node.id)).filter_map(|package| {
            let terms = package.license.as_deref().unwrap_or("no licence");
            (!licence::is_allowed(terms))
                .then(|| format!("{} {} is under {terms}", package.name, package.version))
        });
    refused.collect()
}

/// The names of all crates that are built with every feature, for tests as well.
fn built_crates() -> Result<BTreeSet<String>> {
    let tree = workspace::output(workspace::cargo().args([
        "tree",
        "--locked",
        "--workspace",
        "--all-features",
        "--edges=normal,build,dev",
        "--prefix=none",
        "--no-dedupe",
    ]))?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

/// The number of crates that the verifier needs without features, build scripts included.
fn verifier_crates() -> Result<usize> {
    let tree = workspace::output(workspace::cargo().args([
        "tree",
        "--locked",
        "--package=counterfoil-verify",
        "--no-default-features",
        "--edges=normal,build",
        "--prefix=none",
        "--no-dedupe",
    ]))?;
    let crates: BTreeSet<_> = tree.lines().map(|line| line.split(" (").next()).collect();
    Ok(crates.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_crate_is_refused_for_every_dependent() {
        assert!(check("counterfoil-cli", "chrono").is_some());
        assert!(check("some-crate", "openssl-sys").is_some());
        assert!(check("counterfoil-cli", "serde").is_none());
    }

    #[test]
    fn a_build_tool_is_refused_except_for_the_listed_crate() {
        assert!(check("aws-lc-sys", "cmake").is_none());
        assert!(check("some-sys", "cmake").is_some());
        assert!(check("some-sys", "bindgen").is_some());
    }
}
