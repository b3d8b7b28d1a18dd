//! An authority of a test's own, which signs certificates of servers.

use std::path::PathBuf;
use std::process::Command;

/// An authority, and the directory with its files, which is deleted with it. `openssl` makes them.
pub struct CertificateAuthority {
    dir: PathBuf,
}

/// Makes an authority.
const MAKE: &str = r#"
set -eu
dir=$(mktemp -d /tmp/counterfoil-authority.XXXXXX)
cd "$dir"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Authority of a test" \
    -keyout ca.key -out ca.crt 2>openssl.log
echo "$dir"
"#;

/// Signs a certificate for a server of this name.
const SIGN: &str = r#"
set -eu
cd "$1"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$2.key" -out "$2.csr" 2>>openssl.log
printf 'subjectAltName=DNS:%s\nbasicConstraints=critical,CA:FALSE\n' "$2" >"$2.ext"
openssl x509 -req -in "$2.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile "$2.ext" -out "$2.crt" 2>>openssl.log
"#;

impl CertificateAuthority {
    /// A new authority, which nothing trusts.
    ///
    /// # Panics
    ///
    /// If `openssl` is not installed.
    pub fn new() -> Self {
        Self { dir: run(MAKE, &[]).trim_end().into() }
    }

    /// The file of its certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// Lines of configuration of Redis: it accepts connections with TLS at `port`, with a certificate for `host`.
    ///
    /// # Panics
    ///
    /// If the certificate cannot be made.
    pub fn redis_config(&self, host: &str, port: u16) -> String {
        let dir = self.dir.display().to_string();
        run(SIGN, &[&dir, host]);
        format!(
            "tls-port {port}\ntls-auth-clients no\ntls-ca-cert-file {dir}/ca.crt\ntls-cert-file {dir}/{host}.crt\n\
             tls-key-file {dir}/{host}.key"
        )
    }
}

impl Default for CertificateAuthority {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for CertificateAuthority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn run(script: &str, arguments: &[&str]) -> String {
    let bash = Command::new("bash").args(["-c", script, "authority-of-tests"]).args(arguments).output();
    let output = bash.expect("bash can be started");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the path of a directory")
}
