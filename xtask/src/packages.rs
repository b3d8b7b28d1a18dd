//! What the tests need from the system.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace;

/// A program, and the Debian package that it comes in.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
}

/// Builds need a C compiler (aws-lc, SQLite), the walk-through is typed for curl, and openssl makes the
/// certificates that are served in tests; faketime shows a false time of day.
pub(crate) const TESTING: [Tool; 4] = [
    Tool { program: "cc", package: "gcc libc6-dev" },
    Tool { program: "curl", package: "curl" },
    Tool { program: "faketime", package: "faketime" },
    Tool { program: "openssl", package: "openssl" },
];

/// Makes sure that `tools` are there. What is missing is installed if we are root on a Debian, and said so;
/// else the command that would install it is named.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> =
        tools.iter().filter(|tool| !is_there(tool.program)).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }

    let packages = missing.join(" ");
    if !is_root() || !is_there("apt-get") {
        bail!("missing: {packages}; as root run: apt-get install --no-install-recommends {packages}");
    }
    println!("missing: {packages}; installing");
    workspace::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    workspace::run(
        install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages.split(' ')),
    )
}

/// Whether the shell would find `program`.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // The owner of our own process, as the kernel shows it, without a dependency for one number.
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|about| about.uid() == 0)
}
