//! What tests and measurements change in the shipped configurations of proxies.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use crate::authority::ServerCertificate;
use crate::proxy::kind::GUARDED_HOST;
use crate::self_signed::self_signed_certificate;

/// What differs from the shipped configuration, besides the files.
#[derive(Debug, Clone, Copy)]
pub struct ProxySetup<'a> {
    /// Where the proxy listens.
    pub proxy: SocketAddr,
    /// Where Counterfoil listens.
    pub counterfoil: SocketAddr,
    /// Where the application listens.
    pub application: SocketAddr,
    /// The host of the guarded application, in the place of [`GUARDED_HOST`].
    pub host: &'a str,
    /// The requirements in the path that the proxy asks, as `-`. `None`: it asks nothing, and every request passes.
    pub requirements: Option<&'a str>,
    /// Whether clients use TLS, with a certificate of its own.
    pub has_tls: bool,
}

impl ProxySetup<'_> {
    /// The shipped file with the addresses and the certificate of this setup.
    pub(super) fn read(&self, name: &str, root: &Path) -> io::Result<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/proxy");
        let port_of = |port: u16| format!("address: 127.0.0.1, port_value: {port}");
        Ok(fs::read_to_string(folder.join(name))?
            .replace(GUARDED_HOST, self.host)
            .replace("/etc/ssl/", &format!("{}/", root.display()))
            .replace("127.0.0.1:3000", &self.counterfoil.to_string())
            .replace("127.0.0.1:8080", &self.application.to_string())
            .replace(&port_of(3000), &port_of(self.counterfoil.port()))
            .replace(&port_of(8080), &port_of(self.application.port())))
    }

    /// The text only with TLS.
    pub(super) fn tls<'t>(&self, text: &'t str) -> &'t str {
        if self.has_tls { text } else { "" }
    }

    /// Leaves out the lines that ask, if this setup does not ask, and those of TLS, if it has none. Both are given by their
    /// beginnings.
    pub(super) fn without(&self, text: &str, asking: &[&str], of_tls: &[&str]) -> String {
        let starts = |line: &str, beginnings: &[&str]| {
            beginnings.iter().any(|beginning| line.trim_start().starts_with(beginning))
        };
        let is_left_out = |line: &&str| {
            self.requirements.is_none() && starts(line, asking) || !self.has_tls && starts(line, of_tls)
        };
        text.lines().filter(|line| !is_left_out(line)).flat_map(|line| [line, "\n"]).collect()
    }
}

/// The text without the block in braces that begins with a line like this.
pub(super) fn without_block(text: &str, beginning: &str) -> String {
    let mut is_inside = false;
    let mut is_kept = |line: &&str| {
        is_inside |= line.trim_start().starts_with(beginning);
        let was_inside = is_inside;
        is_inside &= line.trim() != "}";
        !was_inside
    };
    text.lines().filter(|line| is_kept(line)).flat_map(|line| [line, "\n"]).collect()
}

/// A certificate of the host and its key in the files of the configurations, and both of them in `both.pem`.
pub(super) fn make_certificate(folder: &Path, host: &str) -> io::Result<()> {
    let ServerCertificate { certificate, key } = self_signed_certificate(folder, host, host);
    fs::write(folder.join("both.pem"), [fs::read(certificate)?, fs::read(key)?].concat())
}
