//! Fetching keys over TLS: which certificates are trusted, and for which name.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::fs;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use counterfoil_jose::{Algorithm, JwkSet};
use counterfoil_test_support::{ServerCertificate, self_signed_certificate};
use counterfoil_verify::{AuthError, FetchError, HttpError, JwksOptions, RemoteVerifier, TokenVerifier};

use test_signer::{NOON, SHOP, TestSigner, with};

/// Serves the keys of `signer` over TLS, on a free port.
async fn serve(signer: &TestSigner, certificate: &[u8], key: &[u8]) -> u16 {
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let keys: JwkSet = signer.key.verifying_key().jwk().into_iter().collect();
    let body = keys.to_json();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    let answer = format!("{head}\r\n\r\n{body}");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate ends the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

/// Whether a verifier that trusts the certificate, or does not, accepts keys of an issuer with a certificate
/// for `host`.
async fn accepts_certificate(host: &str, is_trusted: bool) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let signer = TestSigner::new();
    let ServerCertificate { certificate, key } = self_signed_certificate(dir.path(), "served", host);
    let (certificate, key) = (fs::read(certificate).unwrap(), fs::read(key).unwrap());
    let port = serve(&signer, &certificate, &key).await;
    let issuer = format!("https://localhost:{port}");
    let tokens = TokenVerifier::builder(&issuer, SHOP, &[Algorithm::Es256]);
    let options = JwksOptions::from_url(&format!("{issuer}/keys")).unwrap().clock(|| NOON);
    let options = if is_trusted { options.trust_only_roots(&certificate) } else { options };
    let Ok(verifier) = RemoteVerifier::start(tokens, options) else {
        assert!(!is_trusted, "only a system without trusted roots cannot start");
        return false;
    };

    let result = verifier.verify(&signer.sign(&with("iss", json!(issuer)))).await;

    if let Some(error) = verifier.wait_for_first_fetch().await.last_error {
        assert!(matches!(*error, FetchError::Http(HttpError::Unreachable(_))), "{error:?}");
        assert_eq!(result, Err(AuthError::Unavailable));
    }
    result.is_ok()
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted() {
    assert!(accepts_certificate("localhost", true).await);
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    assert!(!accepts_certificate("localhost", false).await);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    assert!(!accepts_certificate("auth.example", true).await);
    assert!(!accepts_certificate("127.0.0.1", true).await);
}
