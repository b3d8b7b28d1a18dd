//! What we depend on: bans, licences, and the size of the crate that others embed.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::licence;
use crate::workspace::{self, Metadata};

/// Crates that may not come in, by whomever, and why.
const BANNED: [(&str, &str); 4] = [
    ("openssl-sys", "one crypto library: aws-lc-rs"),
    ("native-tls", "one crypto library: aws-lc-rs"),
    ("ring", "one crypto library: aws-lc-rs"),
    ("chrono", "the core is told the time"),
];

/// Crates that would want more than a C compiler for a build, and who alone may name them: aws-lc-sys
/// carries cmake for platforms that it has no prebuilt assembly for, and does not run it on ours.
const TOOLS: [(&str, &[&str]); 3] = [("cmake", &["aws-lc-sys"]), ("bindgen", &[]), ("nasm-rs", &[])];

/// How many crates a verifier may pull in, itself included: it is embedded in other people's services.
const VERIFIER_CRATES: usize = 45;

/// Checks all of it, and names every fault before it fails.
pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    let verifier = verifier_crates()?;

    let mut faults = bans(&metadata, &built_crates()?);
    faults.extend(licences(&metadata));
    if verifier > VERIFIER_CRATES {
        faults.push(format!("counterfoil-verify pulls in {verifier} crates, more than {VERIFIER_CRATES}"));
    }

    println!("{} crates, {verifier} of them for a verifier", metadata.resolve.nodes.len());
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults in the dependencies", faults.len());
    }
    Ok(())
}

/// Who brings in a banned crate, or a build tool without leave. The lock file and the metadata also name crates
/// that a feature would bring which nobody has switched on (ring, for rustls-webpki): those are not built.
fn bans(metadata: &Metadata, built: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for node in &metadata.resolve.nodes {
        let parent = &metadata.package(&node.id).name;
        for arrow in &node.deps {
            let child = &metadata.package(&arrow.pkg).name;
            if built.contains(child) {
                faults.extend(judge(parent, child));
            }
        }
    }
    faults
}

/// Why `parent` may not depend on `child`, if so.
fn judge(parent: &str, child: &str) -> Option<String> {
    if let Some((_, reason)) = BANNED.iter().find(|(name, _)| *name == child) {
        return Some(format!("{parent} depends on {child}, which is banned ({reason})"));
    }
    let (_, leave) = TOOLS.iter().find(|(name, _)| *name == child)?;
    (!leave.contains(&parent))
        .then(|| format!("{parent} depends on {child}, a tool that a build must not need"))
}

/// The packages that are built here under terms that we have not agreed to.
fn licences(metadata: &Metadata) -> Vec<String> {
    let unfit = metadata.resolve.nodes.iter().map(|node| metadata.package(&node.id)).filter_map(|package| {
        let terms = package.license.as_deref().unwrap_or("no licence");
        (!licence::is_allowed(terms))
            .then(|| format!("{} {} is under {terms}", package.name, package.version))
    });
    unfit.collect()
}

/// The names of all crates that are built here with every feature of ours, for tests too.
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

/// How many crates the verifier is built from without features, build scripts included.
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
    fn a_banned_crate_is_found_whoever_asks_for_it() {
        assert!(judge("counterfoil-cli", "chrono").is_some());
        assert!(judge("some-crate", "openssl-sys").is_some());
        assert!(judge("counterfoil-cli", "serde").is_none());
    }

    #[test]
    fn a_build_tool_needs_leave() {
        assert!(judge("aws-lc-sys", "cmake").is_none());
        assert!(judge("some-sys", "cmake").is_some());
        assert!(judge("some-sys", "bindgen").is_some());
    }
}
