//! `curl` with a cookie jar: a client that is not a browser, with the cookie rules of RFC 6265.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::test_server::TestServer;

/// A cookie jar on disk.
pub(crate) struct Jar {
    dir: TempDir,
}

impl Jar {
    /// An empty jar. `None`, with a note, if there is no `curl`.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("curl").arg("--version").output().is_err() {
            counterfoil_test_support::skip("curl is not installed");
            return None;
        }
        Some(Self { dir: TempDir::new().unwrap() })
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("jar")
    }

    /// Adds a cookie, in the format of Netscape: host or domain, path, name and value.
    pub(crate) fn plant(&self, domain: &str, path: &str, name: &str, value: &str) {
        let tail_match = if domain.starts_with('.') { "TRUE" } else { "FALSE" };
        let mut jar = std::fs::read_to_string(self.file()).unwrap_or_default();
        jar.push_str(&format!("{domain}\t{tail_match}\t{path}\tFALSE\t0\t{name}\t{value}\n"));
        std::fs::write(self.file(), jar).unwrap();
    }

    /// How many cookies have this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        let jar = std::fs::read_to_string(self.file()).unwrap_or_default();
        jar.lines().filter(|line| line.split('\t').nth(5) == Some(name)).count()
    }

    /// Sends a request with the cookies of the jar to a path of the issuer, and stores those of the answer. Returns the status
    /// and the body.
    pub(crate) async fn send(&self, server: &TestServer, arguments: &[&str], path: &str) -> (u16, String) {
        let jar = self.file();
        if !jar.exists() {
            std::fs::write(&jar, "").unwrap();
        }
        let mut curl = Command::new("curl");
        // The name of the issuer is resolved to the address of the server.
        let host = server.origin.trim_start_matches("http://").rsplit_once(':').unwrap().0;
        let resolve = format!("{host}:{}:127.0.0.1", server.address.port());
        curl.args(["--silent", "--noproxy", "*", "--resolve", &resolve, "--write-out", "\n%{http_code}"]);
        curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar).args(arguments);
        curl.arg(format!("{}{path}", server.origin));
        let output = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }
}
