//! `curl` with a cookie jar: a client that is not a browser.

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

    /// Sends a request with the cookies of the jar to a path of the issuer, and stores those of the answer. Returns the status
    /// and the body.
    pub(crate) async fn send(&self, server: &TestServer, arguments: &[&str], path: &str) -> (u16, String) {
        let jar = self.file();
        if !jar.exists() {
            std::fs::write(&jar, "").unwrap();
        }
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--noproxy", "*", "--write-out", "\n%{http_code}"]);
        curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar).args(arguments);
        curl.arg(format!("{}{path}", server.origin));
        let output = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }
}
