//! Keys over TLS: whose certificate is believed, and for which name.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_issuer;

use std::path::Path;
use std::process::Command;
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
use counterfoil_verify::{AuthError, FetchError, JwksOptions, RemoteVerifier, TokenVerifier};

use test_issuer::{Mint, NOON, SHOP, with};

/// Makes a certificate for `name` that vouches for itself.
fn certificate(dir: &Path, name: &str) -> (Vec<u8>, Vec<u8>) {
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=test", "-addext", &format!("subjectAltName={name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (std::fs::read(cert).unwrap(), std::fs::read(key).unwrap())
}

/// Serves the keys of `mint` over TLS, on a free port.
async fn serve(mint: &Mint, certificate: &[u8], key: &[u8]) -> u16 {
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
    let keys: JwkSet = mint.key.verifying_key().jwk().into_iter().collect();
    let body = keys.to_json();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    let answer = format!("{head}\r\n\r\n{body}");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that believes nothing of it ends the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

/// Whether keys come from an issuer whose certificate is for `name`, by those who believe it or do not.
async fn is_believed(name: &str, is_trusted: bool) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let mint = Mint::new();
    let (certificate, key) = certificate(dir.path(), name);
    let port = serve(&mint, &certificate, &key).await;
    let issuer = format!("https://localhost:{port}");
    let tokens = TokenVerifier::builder(&issuer, SHOP, &[Algorithm::Es256]);
    let follow = JwksOptions::from_url(&format!("{issuer}/keys")).unwrap().clock(|| NOON);
    let follow = if is_trusted { follow.trust_only_roots(&certificate) } else { follow };
    let Ok(verifier) = RemoteVerifier::start(tokens, follow) else {
        assert!(!is_trusted, "a system without roots believes nobody");
        return false;
    };

    let judged = verifier.verify(&mint.sign(&with("iss", json!(issuer)))).await;

    if let Some(error) = verifier.wait_for_first_fetch().await.last_error {
        assert!(matches!(*error, FetchError::Unreachable(_)), "{error:?}");
        assert_eq!(judged, Err(AuthError::Unavailable));
    }
    judged.is_ok()
}

#[tokio::test]
async fn keys_come_from_an_issuer_with_a_certificate_that_is_believed() {
    assert!(is_believed("DNS:localhost", true).await);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    assert!(!is_believed("DNS:localhost", false).await);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    assert!(!is_believed("DNS:auth.example", true).await);
    assert!(!is_believed("IP:127.0.0.1", true).await);
}
