//! What a token says reaches nothing: no key of its own, no address, no file, no query; and what ended stays ended.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use serde_json::{Value, json};

use counterfoil_jose::{KeySet, Rejection, SigningKey, Time};
use counterfoil_verify::{
    AuthError, InvalidReason, LocalVerifier, RevocationEntry, RevocationPosition, RevocationSubject,
    Revocations,
};

use crate::forgery::{rejection, signed_by};
use crate::test_issuer::{Mint, NOON, SESSION, claims, with};

/// A header with more members.
fn header(kid: &str, members: Value) -> Value {
    let mut header = json!({"typ": "at+jwt", "alg": "ES256", "kid": kid});
    header.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    header
}

/// A listener that nobody is to come to.
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

    fn assert_alone(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody came");
    }
}

#[test]
fn v19_a_key_that_the_token_brings_is_not_used() {
    let (mint, thief) = (Mint::new(), Mint::new());
    let jwk = serde_json::to_value(thief.key.verifying_key().jwk().unwrap()).unwrap();
    for kid in [mint.key.kid(), thief.key.kid()] {
        let token = signed_by(&thief.key, &header(kid, json!({"jwk": jwk, "x5c": ["MIIB"]})), &claims());
        let expected = if kid == mint.key.kid() { Rejection::BadSignature } else { Rejection::UnknownKeyId };
        assert_eq!(rejection(&mint.verifier(), &token), expected);
    }
}

#[test]
fn v21_no_claim_has_a_say_in_which_key_is_used() {
    let (ours, theirs) = (Mint::new(), Mint::new());
    let verifier = ours.verifier();
    verifier.set_keys(KeySet::new([ours.key.verifying_key(), theirs.key.verifying_key()]).unwrap());
    for name in ["kid", "iss", "sub", "key", "alg", "tenant"] {
        // Signed by one, naming the other wherever a claim can.
        let claims = with(name, json!(theirs.key.kid()));
        let token = signed_by(&ours.key, &header(theirs.key.kid(), json!({})), &claims);
        assert_eq!(rejection(&verifier, &token), Rejection::BadSignature, "{name}");
    }
}

#[test]
fn v26_no_claim_and_no_header_becomes_an_address() {
    let (canary, mint) = (Canary::new(), Mint::new());
    let url = canary.url();
    for (name, members) in [
        ("iss", json!({})),
        ("aud", json!({"jku": url, "x5u": url})),
        ("sub", json!({"jku": [url], "x5u": {"url": url}})),
        ("client_id", json!({"jwk": {"kty": "RSA", "x5u": url}})),
    ] {
        let token = signed_by(&mint.key, &header(mint.key.kid(), members.clone()), &with(name, json!(url)));
        let _ = mint.verifier().verify(&token, NOON);
        let unknown = signed_by(&mint.key, &header(&url, members), &claims());
        assert_eq!(rejection(&mint.verifier(), &unknown), Rejection::UnknownKeyId);
    }
    canary.assert_alone();
}

#[test]
fn v28_a_client_names_no_address_of_keys() {
    let (canary, mint) = (Canary::new(), Mint::new());
    let token = mint.sign(&with("jwks_uri", json!(canary.url())));
    let principal = mint.verifier().verify(&token, NOON).unwrap();

    // It is a claim like any other that nobody knows.
    assert_eq!(principal.claim("jwks_uri"), Some(&json!(canary.url())));
    canary.assert_alone();
}

#[test]
fn v29_a_kid_is_neither_a_path_nor_a_query() {
    let mint = Mint::new();
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
        for key in [&mint.key, &SigningKey::generate(counterfoil_jose::Algorithm::Es256).unwrap()] {
            let token = signed_by(key, &header(kid, json!({})), &claims());
            assert_eq!(rejection(&mint.verifier(), &token), Rejection::UnknownKeyId, "{kid:?}");
        }
    }
}

#[test]
fn v30_a_token_does_not_outlive_the_change_that_ends_it() {
    let mint = Mint::new();
    let (token, revocations) = (mint.sign(&claims()), Arc::new(Revocations::new()));
    let verifier = LocalVerifier::new(mint.verifier(), Arc::clone(&revocations), || NOON);
    assert!(verifier.verify(&token, NOON).is_ok());

    let until = Some(Time::from_unix_seconds(NOON.unix_seconds() + 1_020));
    let ended = RevocationEntry {
        position: RevocationPosition::new(8),
        subject: RevocationSubject::Session(SESSION),
        until,
    };
    revocations.publish(&[ended], RevocationPosition::new(8));

    let denied = verifier.verify(&token, NOON).unwrap_err();
    assert!(matches!(denied, AuthError::InvalidCredential(InvalidReason::Revoked(_))), "{denied:?}");
}
