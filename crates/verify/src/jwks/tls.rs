//! Whose certificates are believed where keys are fetched.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::jwks::error::RemoteVerifierError;

/// Who vouches for the issuer's certificate.
#[derive(Clone, Default)]
pub(crate) enum TrustedRoots {
    /// Whoever the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` say where they are kept, if
    /// elsewhere than usual.
    #[default]
    System,
    /// These alone, in PEM.
    Only(Arc<[u8]>),
}

impl TrustedRoots {
    /// A client that believes them: TLS 1.2 and 1.3, HTTP/1.1.
    pub(crate) fn connector(&self) -> Result<TlsConnector, RemoteVerifierError> {
        let roots = match self {
            Self::System => system_roots(),
            Self::Only(pem) => parse_roots(pem)?,
        };
        if roots.is_empty() {
            return Err(RemoteVerifierError::NoTrustedRoots);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config).into())
    }
}

/// A root that the system keeps and that is none is left out, as everywhere.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn parse_roots(pem: &[u8]) -> Result<RootCertStore, RemoteVerifierError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| RemoteVerifierError::NoTrustedRoots)?;
        roots.add(certificate).map_err(RemoteVerifierError::InvalidRoot)?;
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
