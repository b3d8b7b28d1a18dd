//! The token chooses how it is verified.

use serde_json::{Value, json};

use counterfoil_jose::{
    Algorithm, Jwk, JwkSet, KeyError, KeySet, Rejection, SigningKey, VerifyingKey, base64url,
};
use counterfoil_verify::{TokenVerifier, VerifierBuildError};

use crate::forgery::{lavish, rejection, signed_by, spellings, unsigned, with_hmac};
use crate::test_issuer::{ISSUER, Mint, NOON, SHOP, claims};

fn hs256(kid: &str) -> Value {
    json!({"typ": "at+jwt", "alg": "HS256", "kid": kid})
}

/// Every spelling of the public key as a secret: refused because of the list, and where the list is as long as it may
/// be, too.
fn assert_no_confusion(algorithm: Algorithm) {
    let key = SigningKey::generate(algorithm).unwrap().verifying_key();
    let narrow = TokenVerifier::builder(ISSUER, SHOP, &[algorithm])
        .build(KeySet::new([key.clone()]).unwrap())
        .unwrap();
    for secret in spellings(&key) {
        let token = with_hmac(&hs256(key.kid()), &secret);
        assert_eq!(rejection(&narrow, &token), Rejection::AlgorithmNotAllowed);
        assert_eq!(rejection(&lavish([key.clone()]), &token), Rejection::AlgorithmNotAllowed);
    }
}

#[test]
fn v01_a_public_rsa_key_is_no_hmac_secret() {
    assert_no_confusion(Algorithm::Rs256);
}

#[test]
fn v02_a_verifier_without_algorithms_is_not_built_and_none_is_never_taken() {
    let mint = Mint::new();
    let built = TokenVerifier::builder(ISSUER, SHOP, &[]).build(mint.keys());
    assert_eq!(built.unwrap_err(), VerifierBuildError::Algorithms);

    for alg in [json!("none"), json!("None"), json!("NONE"), json!("nOnE"), json!(""), json!(null), json!([])]
    {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": mint.key.kid()});
        let signed = signed_by(&mint.key, &header, &claims());
        for token in [format!("{}.", unsigned(&header, &claims())), unsigned(&header, &claims()), signed] {
            assert!(mint.verifier().verify(&token, NOON).is_err(), "{alg}");
        }
    }
}

#[test]
fn v03_a_key_that_is_looked_up_is_not_used_for_another_algorithm() {
    let mint = Mint::with(Algorithm::Rs256);
    let published = JwkSet::of(&mint.keys()).to_json();
    let fetched = JwkSet::from_json(published.as_bytes()).unwrap().key_set(None).unwrap();
    let verifier = lavish(fetched.iter().cloned());

    for secret in spellings(&mint.key.verifying_key()) {
        let token = with_hmac(&hs256(mint.key.kid()), &secret);
        assert_eq!(rejection(&verifier, &token), Rejection::AlgorithmNotAllowed);
    }
    assert!(verifier.verify(&mint.sign(&claims()), NOON).is_ok());
}

#[test]
fn v04_a_key_of_one_type_is_loaded_for_no_algorithm_of_another() {
    let rsa = |algorithm: Algorithm| algorithm.as_str().starts_with(['R', 'P']);
    let edwards = |algorithm: Algorithm| matches!(algorithm, Algorithm::Ed25519 | Algorithm::EdDsa);
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256, Algorithm::MlDsa44] {
        let jwk = SigningKey::generate(algorithm).unwrap().verifying_key().jwk().unwrap();
        let bare = Jwk { alg: None, ..jwk };
        for other in Algorithm::ALL {
            let fits = other == algorithm
                || (rsa(other) && rsa(algorithm))
                || (edwards(other) && edwards(algorithm));
            let loaded = VerifyingKey::from_jwk(&bare, Some(other));
            assert_eq!(loaded.is_ok(), fits, "{algorithm} {other}");
        }
    }
    let legacy = br#"{"keys":[{"kty":"DSA","kid":"dsa","alg":"RS256","y":"AQAB"}]}"#;
    assert!(JwkSet::from_json(legacy).unwrap().keys.is_empty());
}

#[test]
fn v05_a_key_is_made_of_text_and_of_nothing_that_could_run() {
    for odd in [
        r#"{"kty":"RSA","n":{"toString":"x"},"e":"AQAB"}"#,
        r#"{"kty":["RSA"],"n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"EC","crv":"P-256","x":1,"y":true}"#,
        r#"{"__proto__":{"kty":"oct","k":""}}"#,
    ] {
        let set = JwkSet::from_json(format!("{{\"keys\":[{odd}]}}").as_bytes()).unwrap();
        assert!(set.key_set(Some(Algorithm::Rs256)).unwrap().is_empty(), "{odd}");
    }
}

#[test]
fn v06_where_neither_key_nor_configuration_names_an_algorithm_there_is_no_key() {
    let mint = Mint::new();
    let bare = Jwk { alg: None, ..mint.key.verifying_key().jwk().unwrap() };

    assert_eq!(VerifyingKey::from_jwk(&bare, None).unwrap_err(), KeyError::NoAlgorithm);
    let keys = JwkSet { keys: vec![bare] }.key_set(None).unwrap();
    let verifier = TokenVerifier::builder(ISSUER, SHOP, &Algorithm::PUBLIC).build(keys).unwrap();
    assert_eq!(rejection(&verifier, &mint.sign(&claims())), Rejection::UnknownKeyId);
}

#[test]
fn v07_a_public_key_in_whatever_pem_is_no_secret() {
    let key = SigningKey::generate(Algorithm::Rs256).unwrap().verifying_key();
    for spelling in spellings(&key).iter().filter_map(|bytes| std::str::from_utf8(bytes).ok()) {
        if spelling.contains("KEY") || spelling.contains("CERTIFICATE") {
            let loaded = VerifyingKey::from_secret(Algorithm::Hs256, "k", spelling.as_bytes());
            assert_eq!(loaded.unwrap_err(), KeyError::Password, "{spelling}");
        }
    }
    let pkcs1 = key.to_pem().unwrap().replace("PUBLIC KEY", "RSA PUBLIC KEY");
    let loaded = VerifyingKey::from_pem(Algorithm::Rs256, &pkcs1);
    assert_eq!(loaded.unwrap_err(), KeyError::NotPem("PUBLIC KEY"));
}

#[test]
fn v08_a_public_ec_key_is_no_hmac_secret() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        assert_no_confusion(algorithm);
    }
}

#[test]
fn v09_a_public_edwards_or_lattice_key_is_no_hmac_secret() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EdDsa, Algorithm::MlDsa44] {
        assert_no_confusion(algorithm);
    }
}

#[test]
fn v10_an_rsa_key_without_alg_is_no_empty_hmac_key() {
    let mint = Mint::with(Algorithm::Rs256);
    let bare = Jwk { alg: None, ..mint.key.verifying_key().jwk().unwrap() };
    let keys = JwkSet { keys: vec![bare] };
    let token = with_hmac(&hs256(mint.key.kid()), b"");

    assert!(keys.key_set(None).unwrap().is_empty());
    let verifier = lavish(keys.key_set(Some(Algorithm::Rs256)).unwrap().iter().cloned());
    assert_eq!(rejection(&verifier, &token), Rejection::AlgorithmNotAllowed);
}

#[test]
fn v11_nothing_is_verified_by_a_default() {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).unwrap().verifying_key();
        let bare = Jwk { alg: None, ..key.jwk().unwrap() };
        let keys = JwkSet { keys: vec![bare] }.key_set(Some(algorithm)).unwrap();
        for secret in [&b""[..], b"undefined", b"null", b"secret", key.kid().as_bytes()] {
            for header in [hs256(key.kid()), json!({"typ": "at+jwt", "alg": "HS256"})] {
                let verifier = lavish(keys.iter().cloned());
                assert_eq!(rejection(&verifier, &with_hmac(&header, secret)), Rejection::AlgorithmNotAllowed);
            }
        }
    }
}

#[test]
fn v12_an_allowed_name_does_not_bring_a_key_of_another_algorithm_in() {
    let (listed, other) = (Mint::new(), Mint::with(Algorithm::Ed25519));
    let keys = KeySet::new([listed.key.verifying_key(), other.key.verifying_key()]).unwrap();
    let verifier = TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]).build(keys).unwrap();

    let named =
        signed_by(&other.key, &json!({"typ": "at+jwt", "alg": "ES256", "kid": other.key.kid()}), &claims());
    assert_eq!(rejection(&verifier, &named), Rejection::AlgorithmMismatch);
    assert_eq!(rejection(&verifier, &other.sign(&claims())), Rejection::AlgorithmNotAllowed);
    assert!(verifier.verify(&listed.sign(&claims()), NOON).is_ok());
}

#[test]
fn v20_no_prefix_of_a_key_format_is_the_one_that_is_forgotten() {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap().verifying_key();
    let spki = base64url::encode(key.to_spki().unwrap());
    for prefix in [
        "-----BEGIN ",
        "----BEGIN SSH2 ",
        "ssh-ed25519 ",
        "ssh-rsa ",
        "ecdsa-sha2-nistp256 ",
        "---- ",
        "PuTTY ",
    ] {
        let secret = format!("{prefix}{spki}");
        let loaded = VerifyingKey::from_secret(Algorithm::Hs256, "k", secret.as_bytes());
        assert_eq!(loaded.unwrap_err(), KeyError::Password, "{secret}");
    }
    assert_no_confusion(Algorithm::Ed25519);
}
