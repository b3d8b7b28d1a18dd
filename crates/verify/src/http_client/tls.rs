//! The root certificates that are trusted for the issuer.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Why there are no root certificates to trust.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RootsError {
    /// There are none.
    #[error("there are no trusted root certificates")]
    None,
    /// One of them is invalid.
    #[error("a root certificate is invalid")]
    Invalid(#[source] rustls::Error),
}

/// The root certificates that are trusted for the issuer's certificate.
#[derive(Clone, Default)]
pub(crate) enum TrustedRoots {
    /// The roots of the system; `SSL_CERT_FILE` and `SSL_CERT_DIR` override where they are read from.
    #[default]
    System,
    /// Only these, in PEM.
    Only(Arc<[u8]>),
}

impl TrustedRoots {
    /// A TLS client that trusts them: TLS 1.2 and 1.3, HTTP/1.1.
    pub(crate) fn connector(&self) -> Result<TlsConnector, RootsError> {
        let roots = match self {
            Self::System => system_roots(),
            Self::Only(pem) => parse_roots(pem)?,
        };
        if roots.is_empty() {
            return Err(RootsError::None);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider supports TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config).into())
    }
}

/// The valid root certificates of the system; invalid ones are ignored, as is usual.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn parse_roots(pem: &[u8]) -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| RootsError::None)?;
        roots.add(certificate).map_err(RootsError::Invalid)?;
    }
    Ok(roots)
}

impl fmt::Debug for TrustedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Only(_) => "Only(..)",
        })
    }
}
