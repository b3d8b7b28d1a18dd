//! A certificate that signs itself.

use std::path::Path;
use std::process::Command;

use crate::authority::{ServerCertificate, alternative_name};

/// A certificate for a server of this name or address, which is valid for 90 days and signs itself, and its key:
/// `NAME.pem` and `NAME.key` in `dir`. It is not one of an authority, so that a verifier that trusts it accepts it.
///
/// # Panics
///
/// If `openssl` is not installed.
pub fn self_signed_certificate(dir: &Path, name: &str, host: &str) -> ServerCertificate {
    let [certificate, key] = ["pem", "key"].map(|ending| dir.join(format!("{name}.{ending}")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "90", "-subj", &format!("/CN={host}")])
        .args(["-addext", &format!("subjectAltName={}", alternative_name(host))])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args([Path::new("-keyout"), &key, Path::new("-out"), &certificate])
        .output()
        .expect("openssl can be started");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    ServerCertificate { certificate, key }
}
