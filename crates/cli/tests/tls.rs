//! TLS is served from files, also from renewed ones.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use counterfoil_test_support::{ServerCertificate, self_signed_certificate};

use crate::common::{Server, counterfoil, in_dir, wait_until};

/// Requests `/healthz` with curl, which trusts only `certificate`: the HTTP version and the status.
fn healthy(server: &Server, certificate: &Path, version: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--noproxy", "*", "-w", "\n%{http_version} %{http_code}", version, "--cacert"]);
    curl.arg(certificate).arg(format!("{}/healthz", server.base));
    let output = curl.output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn tls_is_served_from_files_and_a_renewed_certificate_is_loaded_without_a_restart() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let ServerCertificate { certificate, key } = self_signed_certificate(dir, "served", "127.0.0.1");
    let old = dir.join("old.pem");
    fs::copy(&certificate, &old).unwrap();
    let mut command = counterfoil(&in_dir(&dir.join("data"), &["serve", "--listen", "127.0.0.1:0"]));
    command.env("COUNTERFOIL_TLS_CERTIFICATE", &certificate).env("COUNTERFOIL_TLS_KEY", &key);
    let server = Server::start(&mut command, &dir.join("log"));

    assert!(server.base.starts_with("https://127.0.0.1:"), "{}", server.base);
    assert_eq!(healthy(&server, &certificate, "--http2"), "2 200");
    assert_eq!(healthy(&server, &certificate, "--http1.1"), "1.1 200");

    // A new certificate is served only when its key is there too; until then the old one is.
    let next = self_signed_certificate(dir, "next", "127.0.0.1");
    fs::rename(&next.certificate, &certificate).unwrap();
    let log = || fs::read_to_string(dir.join("log")).unwrap();
    wait_until("the mismatch is logged", || log().contains("the old one stays in use"));
    assert_eq!(healthy(&server, &old, "--http2"), "2 200");
    fs::rename(&next.key, &key).unwrap();
    wait_until("the new one is served", || healthy(&server, &certificate, "--http2") == "2 200");

    assert_ne!(healthy(&server, &old, "--http2"), "2 200");
}
