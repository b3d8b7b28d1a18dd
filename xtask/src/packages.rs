//! Programs of the system that the tests need, and the Debian packages that bring them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace;

/// A program, and the Debian packages that bring it.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) packages: &'static str,
}

/// What no test run can do without: a C compiler builds aws-lc, SQLite and the library that makes disk calls fail,
/// curl runs the examples of the README, and openssl makes certificates.
pub(crate) const REQUIRED: &[Tool] = &[
    Tool { program: "bash", packages: "bash" },
    Tool { program: "cc", packages: "gcc libc6-dev" },
    Tool { program: "curl", packages: "curl" },
    Tool { program: "openssl", packages: "openssl" },
];

/// What single tests need, which are skipped without it: apache2 guards a path by introspection, and as caddy, haproxy and
/// nginx an application by forward authentication; chromium shows pages of other origins, faketime a false time of day, go
/// builds a resource server, initdb makes a database, pgbouncer stands before one, redis-server is a cache or a sentinel,
/// systemd-analyze checks the unit file, setpriv starts a process as another user, mount makes a disk that can be full, and
/// zsh reads its completion script.
const OPTIONAL: &[Tool] = &[
    // The module, which the server does not bring with it.
    Tool {
        program: "/usr/lib/apache2/modules/mod_auth_openidc.so",
        packages: "apache2 libapache2-mod-auth-openidc",
    },
    Tool { program: "/usr/share/lua/5.3/socket/http.lua", packages: "lua-socket" },
    Tool { program: "/usr/bin/caddy", packages: "caddy" },
    Tool { program: "chromium", packages: "chromium" },
    Tool { program: "faketime", packages: "faketime" },
    // The compiler of Go, and the library that the page about resource servers uses.
    Tool { program: "go", packages: "golang-go golang-github-golang-jwt-jwt-dev" },
    Tool { program: "/usr/sbin/haproxy", packages: "haproxy" },
    Tool { program: "/usr/sbin/nginx", packages: "nginx-light" },
    // Debian puts the programs of PostgreSQL beside each version, not in a directory of `PATH`.
    Tool { program: "/usr/lib/postgresql/15/bin/initdb", packages: "postgresql-15" },
    Tool { program: "/usr/sbin/pgbouncer", packages: "pgbouncer" },
    Tool { program: "mount", packages: "mount" },
    Tool { program: "redis-server", packages: "redis-server" },
    Tool { program: "setpriv", packages: "util-linux" },
    Tool { program: "systemd-analyze", packages: "systemd" },
    Tool { program: "zsh", packages: "zsh" },
];

/// Makes sure that the tests have their tools.
///
/// # Errors
///
/// If a required tool cannot be installed; with `requires_all` also if an optional one cannot.
pub(crate) fn ensure_for_tests(requires_all: bool) -> Result<()> {
    ensure(REQUIRED)?;
    match ensure(OPTIONAL) {
        Err(error) if !requires_all => {
            println!("{error:#}\nthe tests that need them are skipped");
            Ok(())
        }
        result => result,
    }
}

/// Makes sure that `tools` are installed. Root on Debian installs what is missing.
///
/// # Errors
///
/// If a tool is missing and cannot be installed; the error names the command that installs it.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> =
        tools.iter().filter(|tool| !is_installed(tool.program)).map(|tool| tool.packages).collect();
    if missing.is_empty() {
        return Ok(());
    }

    let packages = missing.join(" ");
    if !is_root() || !is_installed("apt-get") {
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

fn is_installed(program: &str) -> bool {
    find_program(program).is_some()
}

/// The file that a shell would run for `program`.
pub(crate) fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // The kernel gives this folder the owner of the process; it saves a dependency for one number.
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|metadata| metadata.uid() == 0)
}
