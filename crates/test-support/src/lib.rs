//! Skips tests that need what this machine does not have, in a way that CI can refuse.
//!
//! A test that cannot run calls [`skip`] or [`skip_not_here`] and returns. Both print one line, also when the test
//! runner captures output. `cargo xtask test` repeats these lines at its end.
//!
//! [`interop_folder`] finds the foreign programs that `cargo xtask test` installs, [`PostgresServer`] starts a database,
//! [`RedisServer`] a cache, and [`ProxyProcess`] a reverse proxy. [`CertificateAuthority`] signs certificates,
//! and [`self_signed_certificate`] makes one without an authority. [`CapturedLogs`] is the log of a test.

mod authority;
mod captured_logs;
mod interop;
mod postgres;
mod postgres_pair;
mod proxy;
mod redis;
mod self_signed;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::thread;

pub use authority::{CertificateAuthority, ServerCertificate};
pub use captured_logs::CapturedLogs;
pub use interop::{INTEROP, chromium, interop_folder, output_of, python_reader};
pub use postgres::PostgresServer;
pub use postgres_pair::PostgresPair;
pub use proxy::{GUARDED_HOST, ProxyKind, ProxyProcess, ProxySetup};
pub use redis::{RedisServer, free_port};
pub use self_signed::self_signed_certificate;

/// The environment variable that refuses skipped tests: with the value `all`, [`skip`] panics.
pub const REQUIRE: &str = "COUNTERFOIL_REQUIRE";

/// The environment variable that names a file to which each printed line is appended. `cargo xtask test` sets it.
pub const SKIP_LIST: &str = "COUNTERFOIL_SKIP_LIST";

/// What no Debian, npm or PyPI package brings, or what only a kernel or a network gives.
///
/// A test that needs one of these may be skipped even where everything else is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotHere {
    /// A nightly Rust toolchain.
    Nightly,
    /// A machine with macOS.
    MacOs,
    /// IPv6 in the kernel.
    Ipv6,
    /// An address of this machine other than loopback.
    AddressBesideLoopback,
}

impl NotHere {
    /// The reason as it is printed.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Nightly => "there is no nightly toolchain",
            Self::MacOs => "this machine does not run macOS",
            Self::Ipv6 => "this machine has no IPv6",
            Self::AddressBesideLoopback => "this machine has no address other than loopback",
        }
    }
}

/// Whether the text contains a JWT. A random id can contain the letters by which one begins.
///
/// ```
/// use counterfoil_test_support::contains_jwt;
///
/// assert!(contains_jwt("Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln"));
/// assert!(!contains_jwt("id=3geyJAqKQ0mbjdHQ8mGQxw."));
/// ```
#[must_use]
pub fn contains_jwt(text: &str) -> bool {
    let is_of_token = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    text.split(|letter| !is_of_token(letter)).any(|word| word.starts_with("eyJ") && word.contains('.'))
}

/// Skips the running test: prints `skipped: <test>: <reason>`. The test then returns.
///
/// # Panics
///
/// If `COUNTERFOIL_REQUIRE` is `all`: the machine is expected to have everything that a package can bring.
#[track_caller]
pub fn skip(reason: &str) {
    report("skipped", reason);
    assert!(!requires_all(), "{REQUIRE}=all, but this test is skipped: {reason}");
}

/// Skips the running test for a reason that no package can remove: prints `not here: <test>: <reason>`.
///
/// It never fails the test.
pub fn skip_not_here(what: NotHere) {
    report("not here", what.reason());
}

/// Whether every test must run, apart from those that [`skip_not_here`] skips.
///
/// # Panics
///
/// If `COUNTERFOIL_REQUIRE` has a value other than `all`.
#[must_use]
pub fn requires_all() -> bool {
    match std::env::var(REQUIRE).as_deref() {
        Ok("all") => true,
        Ok("") | Err(_) => false,
        Ok(other) => panic!("`{REQUIRE}` must be `all` or unset, not {other:?}"),
    }
}

/// Writes one line past the capture of the test runner, and appends it to the file that [`SKIP_LIST`] names.
fn report(kind: &str, reason: &str) {
    let thread = thread::current();
    let line = line(kind, thread.name().unwrap_or("unnamed thread"), reason);
    // The line is a courtesy: a closed standard error must not fail the test.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(file) = std::env::var_os(SKIP_LIST) {
        let file = OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the skip list can be written");
    }
}

fn line(kind: &str, test: &str, reason: &str) -> String {
    format!("{kind}: {test}: {reason}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_kind_the_test_and_the_reason() {
        assert_eq!(line("skipped", "a::b", "no openssl"), "skipped: a::b: no openssl\n");
    }

    #[test]
    fn every_reason_is_one_line() {
        for what in [NotHere::Nightly, NotHere::MacOs, NotHere::Ipv6, NotHere::AddressBesideLoopback] {
            assert!(!what.reason().contains('\n'), "{what:?}");
        }
    }
}
