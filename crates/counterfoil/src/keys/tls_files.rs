//! The files of the TLS certificate.

use std::path::PathBuf;

/// The files of the certificate and its key.
///
/// ```
/// use counterfoil::TlsFiles;
///
/// let files = TlsFiles { certificate: "/etc/tls/chain.pem".into(), key: "/etc/tls/key.pem".into() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain in PEM, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key in PEM. The group may read it, other users must not.
    pub key: PathBuf,
}
