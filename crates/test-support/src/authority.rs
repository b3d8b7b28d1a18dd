//! An authority of a test's own, which signs certificates of servers.

use std::net::IpAddr;
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

/// Signs a certificate `$2` for a server of the name `$3`, valid from `$4` to `$5`.
const SIGN: &str = r#"
set -eu
cd "$1"
test -f index.txt || : >index.txt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$2.key" -out "$2.csr" 2>>openssl.log
printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\n' "$3" >"$2.ext"
printf '%s\n' '[ca]' 'default_ca = it' '[it]' 'database = index.txt' 'new_certs_dir = .' 'serial = serial.txt' \
    'default_md = sha256' 'policy = names' 'unique_subject = no' '[names]' 'commonName = supplied' >ca.conf
openssl ca -batch -notext -create_serial -config ca.conf -cert ca.crt -keyfile ca.key -in "$2.csr" -out "$2.crt" \
    -startdate "$(date -u -d "$4" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$5" +%Y%m%d%H%M%SZ)" -extfile "$2.ext" 2>>openssl.log
"#;

/// The files of a certificate and its key.
pub struct ServerCertificate {
    /// The certificate, in PEM form.
    pub certificate: PathBuf,
    /// Its key, in PEM form.
    pub key: PathBuf,
}

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

    /// A certificate for a server of this name or address.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub fn certificate(&self, host: &str) -> ServerCertificate {
        self.sign(host, host, ["1 hour ago", "2 days"])
    }

    /// A certificate whose time was over yesterday.
    ///
    /// # Panics
    ///
    /// As [`certificate`](Self::certificate).
    pub fn expired_certificate(&self, host: &str) -> ServerCertificate {
        self.sign(&format!("{host}-expired"), host, ["3 days ago", "1 day ago"])
    }

    /// A certificate whose time begins tomorrow.
    ///
    /// # Panics
    ///
    /// As [`certificate`](Self::certificate).
    pub fn future_certificate(&self, host: &str) -> ServerCertificate {
        self.sign(&format!("{host}-future"), host, ["1 day", "3 days"])
    }

    fn sign(&self, name: &str, host: &str, [from, to]: [&str; 2]) -> ServerCertificate {
        run(SIGN, &[&self.dir.display().to_string(), name, &alternative_name(host), from, to]);
        let file = |ending: &str| self.dir.join(format!("{name}.{ending}"));
        ServerCertificate { certificate: file("crt"), key: file("key") }
    }

    /// Lines of configuration of Redis: it accepts connections with TLS at `port`, with a certificate for `host`.
    ///
    /// # Panics
    ///
    /// If the certificate cannot be made.
    pub fn redis_config(&self, host: &str, port: u16) -> String {
        let ServerCertificate { certificate, key } = self.certificate(host);
        format!(
            "tls-port {port}\ntls-auth-clients no\ntls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}",
            self.file().display(),
            certificate.display(),
            key.display()
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

/// The `subjectAltName` of a server of this name or address.
pub(crate) fn alternative_name(host: &str) -> String {
    let kind = if host.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" };
    format!("{kind}:{host}")
}
