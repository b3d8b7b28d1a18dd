//! `cargo xtask features`: checks that the crate `counterfoil` builds with each of its features alone, and without `pages`
//! or `redis`.

use anyhow::Result;

use crate::workspace;

/// Lists of features, as an embedding application would choose them.
const SELECTIONS: &[&str] = &[
    "",
    "sqlite",
    "postgres",
    "redis",
    "server",
    "metrics",
    "admin",
    "pages",
    "otel",
    "test-util",
    // Without `pages` alone and without `redis` alone, where `lib.rs` allows unused code.
    "admin,metrics,postgres,redis,server",
    "admin,metrics,pages,postgres,server",
];

/// Builds with each list; a warning is an error.
///
/// # Errors
///
/// If a build fails.
pub(crate) fn run() -> Result<()> {
    for features in SELECTIONS {
        println!("features of counterfoil: `{features}`");
        let mut clippy = workspace::cargo();
        clippy.args(["clippy", "--package", "counterfoil", "--lib", "--locked", "--no-default-features"]);
        clippy.args(["--features", features, "--", "-D", "warnings"]);
        workspace::run(&mut clippy)?;
    }
    Ok(())
}
