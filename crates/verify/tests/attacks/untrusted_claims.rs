//! The contents of a token select no key, address, file or query; a revoked token stays rejected.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_jose::{JwsError, KeySet, SigningKey, Time};
use counterfoil_verify::{
    AuthError, InvalidReason, LocalVerifier, RevocationEntry, RevocationPosition, RevocationSubject,
    Revocations,
};

use crate::forgery::{rejection, signed_by};
use crate::test_signer::{NOON, SESSION, TestSigner, claims, with};

/// A header with additional members.
fn header(kid: &str, members: Value) -> Value {
    let mut header = json!({"typ": "at+jwt", "alg": "ES256", "kid": kid});
    header.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    header
}

/// A listener to which no connection must be made.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/jwks.json", self.0.local_addr().unwrap())
    }

    fn assert_no_connection(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a connection was opened");
    }
}

/// Incident V19.
#[test]
fn a_key_inside_the_token_is_not_used() {
    let (signer, attacker) = (TestSigner::new(), TestSigner::new());
    let jwk = serde_json::to_value(attacker.key.verifying_key().jwk().unwrap()).unwrap();
    for kid in [signer.key.kid(), attacker.key.kid()] {
        let token = signed_by(&attacker.key, &header(kid, json!({"jwk": jwk, "x5c": ["MIIB"]})), &claims());
        let expected = if kid == signer.key.kid() { JwsError::BadSignature } else { JwsError::UnknownKeyId };
        assert_eq!(rejection(&signer.verifier(), &token), expected);
    }
}

/// Incident V21.
#[test]
fn claims_do_not_select_the_key() {
    let (ours, theirs) = (TestSigner::new(), TestSigner::new());
    let verifier = ours.verifier();
    verifier.set_keys(KeySet::new([ours.key.verifying_key(), theirs.key.verifying_key()]).unwrap());
    for name in ["kid", "iss", "sub", "key", "alg", "tenant"] {
        // Signed by one key, while every claim names the other.
        let claims = with(name, json!(theirs.key.kid()));
        let token = signed_by(&ours.key, &header(theirs.key.kid(), json!({})), &claims);
        assert_eq!(rejection(&verifier, &token), JwsError::BadSignature, "{name}");
    }
}

/// Incident V26.
#[test]
fn claims_and_headers_cause_no_connection() {
    let (canary, signer) = (Canary::new(), TestSigner::new());
    let url = canary.url();
    for (name, members) in [
        ("iss", json!({})),
        ("aud", json!({"jku": url, "x5u": url})),
        ("sub", json!({"jku": [url], "x5u": {"url": url}})),
        ("client_id", json!({"jwk": {"kty": "RSA", "x5u": url}})),
    ] {
        let token =
            signed_by(&signer.key, &header(signer.key.kid(), members.clone()), &with(name, json!(url)));
        let _ = signer.verifier().verify(&token, NOON);
        let unknown = signed_by(&signer.key, &header(&url, members), &claims());
        assert_eq!(rejection(&signer.verifier(), &unknown), JwsError::UnknownKeyId);
    }
    canary.assert_no_connection();
}

/// Incident V28.
#[test]
fn a_jwks_uri_claim_causes_no_connection() {
    let (canary, signer) = (Canary::new(), TestSigner::new());
    let token = signer.sign(&with("jwks_uri", json!(canary.url())));
    let principal = signer.verifier().verify(&token, NOON).unwrap();

    // It is a custom claim like any other.
    assert_eq!(principal.claim("jwks_uri"), Some(&json!(canary.url())));
    canary.assert_no_connection();
}

/// Incident V29.
#[test]
fn a_kid_is_neither_a_path_nor_a_query() {
    let signer = TestSigner::new();
    for kid in [
        "../../../../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "file:///dev/null",
        "x' UNION SELECT 'AA';--",
        "' OR '1'='1",
        "| curl http://127.0.0.1:1/",
        "$(sleep 10)",
        "\0",
        "key\0.pem",
        "%2e%2e%2f",
        "http://169.254.169.254/latest/meta-data/",
        "__proto__",
        "constructor",
        "*",
    ] {
        for key in [&signer.key, &SigningKey::generate(counterfoil_jose::Algorithm::Es256).unwrap()] {
            let token = signed_by(key, &header(kid, json!({})), &claims());
            assert_eq!(rejection(&signer.verifier(), &token), JwsError::UnknownKeyId, "{kid:?}");
        }
    }
}

/// Incident V30.
#[test]
fn a_revoked_token_is_rejected_at_once() {
    let signer = TestSigner::new();
    let (token, revocations) = (signer.sign(&claims()), Arc::new(Revocations::new()));
    let verifier = LocalVerifier::new(signer.verifier(), Arc::clone(&revocations), || NOON);
    assert!(verifier.verify(&token, NOON).is_ok());

    let until = Some(Time::from_unix_seconds(NOON.unix_seconds() + 1_020));
    let ended = RevocationEntry {
        position: RevocationPosition::new(8),
        subject: RevocationSubject::Session(SESSION),
        until,
    };
    revocations.publish(&[ended], RevocationPosition::new(8));

    let error = verifier.verify(&token, NOON).unwrap_err();
    assert!(matches!(error, AuthError::InvalidCredential(InvalidReason::Revoked(_))), "{error:?}");
}
