//! Attacks through the choice of the algorithm.

use serde_json::{Value, json};

use counterfoil_jose::{
    Algorithm, Jwk, JwkSet, JwsError, KeyError, KeySet, SigningKey, VerifyingKey, base64url,
};
use counterfoil_verify::{TokenVerifier, VerifierBuildError};

use crate::forgery::{
    permissive_verifier, public_key_encodings, rejection, signed_by, signing_input, with_hmac,
};
use crate::test_signer::{ISSUER, NOON, SHOP, TestSigner, claims};

fn hs256(kid: &str) -> Value {
    json!({"typ": "at+jwt", "alg": "HS256", "kid": kid})
}

/// Every encoding of the public key as an HMAC secret is rejected, whether one algorithm is allowed or as
/// many as possible.
fn assert_no_confusion(algorithm: Algorithm) {
    let key = SigningKey::generate(algorithm).unwrap().verifying_key();
    let narrow = TokenVerifier::builder(ISSUER, SHOP, &[algorithm])
        .build(KeySet::new([key.clone()]).unwrap())
        .unwrap();
    for secret in public_key_encodings(&key) {
        let token = with_hmac(&hs256(key.kid()), &secret);
        assert_eq!(rejection(&narrow, &token), JwsError::AlgorithmNotAllowed);
        assert_eq!(rejection(&permissive_verifier([key.clone()]), &token), JwsError::AlgorithmNotAllowed);
    }
}

/// Incident V01.
#[test]
fn a_public_rsa_key_is_not_an_hmac_secret() {
    assert_no_confusion(Algorithm::Rs256);
}

/// Incident V02.
#[test]
fn algorithms_are_required_and_alg_none_is_rejected() {
    let signer = TestSigner::new();
    let built = TokenVerifier::builder(ISSUER, SHOP, &[]).build(signer.keys());
    assert_eq!(built.unwrap_err(), VerifierBuildError::Algorithms);

    for alg in [json!("none"), json!("None"), json!("NONE"), json!("nOnE"), json!(""), json!(null), json!([])]
    {
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": signer.key.kid()});
        let signed = signed_by(&signer.key, &header, &claims());
        for token in
            [format!("{}.", signing_input(&header, &claims())), signing_input(&header, &claims()), signed]
        {
            assert!(signer.verifier().verify(&token, NOON).is_err(), "{alg}");
        }
    }
}

/// Incident V03.
#[test]
fn a_key_from_a_key_set_is_not_used_for_another_algorithm() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let published = JwkSet::from_key_set(&signer.keys()).to_json();
    let fetched = JwkSet::from_json(published.as_bytes()).unwrap().to_key_set(&Algorithm::ASYMMETRIC);
    let verifier = permissive_verifier(fetched.iter().cloned());

    for secret in public_key_encodings(&signer.key.verifying_key()) {
        let token = with_hmac(&hs256(signer.key.kid()), &secret);
        assert_eq!(rejection(&verifier, &token), JwsError::AlgorithmNotAllowed);
    }
    assert!(verifier.verify(&signer.sign(&claims()), NOON).is_ok());
}

/// Incident V04.
#[test]
fn a_key_is_not_loaded_for_an_algorithm_of_another_type() {
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

/// Incident V05.
#[test]
fn key_members_must_be_strings() {
    for invalid in [
        r#"{"kty":"RSA","n":{"toString":"x"},"e":"AQAB"}"#,
        r#"{"kty":["RSA"],"n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"EC","crv":"P-256","x":1,"y":true}"#,
        r#"{"__proto__":{"kty":"oct","k":""}}"#,
    ] {
        let set = JwkSet::from_json(format!("{{\"keys\":[{invalid}]}}").as_bytes()).unwrap();
        assert!(set.to_key_set(&[Algorithm::Rs256]).is_empty(), "{invalid}");
    }
}

/// Incident V06.
#[test]
fn a_key_that_fits_several_algorithms_is_not_loaded() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let bare = Jwk { alg: None, ..signer.key.verifying_key().jwk().unwrap() };

    assert_eq!(VerifyingKey::from_jwk(&bare, None).unwrap_err(), KeyError::MissingAlgorithm);
    let keys = JwkSet { keys: vec![bare] }.to_key_set(&Algorithm::ASYMMETRIC);
    let verifier = TokenVerifier::builder(ISSUER, SHOP, &Algorithm::ASYMMETRIC).build(keys).unwrap();
    assert_eq!(rejection(&verifier, &signer.sign(&claims())), JwsError::UnknownKeyId);
}

/// Incident V07.
#[test]
fn a_public_key_in_any_pem_is_not_a_secret() {
    let key = SigningKey::generate(Algorithm::Rs256).unwrap().verifying_key();
    for spelling in public_key_encodings(&key).iter().filter_map(|bytes| std::str::from_utf8(bytes).ok()) {
        if spelling.contains("KEY") || spelling.contains("CERTIFICATE") {
            let loaded = VerifyingKey::from_secret(Algorithm::Hs256, "k", spelling.as_bytes());
            assert_eq!(loaded.unwrap_err(), KeyError::SecretIsKey, "{spelling}");
        }
    }
    let pkcs1 = key.to_pem().unwrap().replace("PUBLIC KEY", "RSA PUBLIC KEY");
    let loaded = VerifyingKey::from_pem(Algorithm::Rs256, &pkcs1);
    assert_eq!(loaded.unwrap_err(), KeyError::NotPem("PUBLIC KEY"));
}

/// Incident V08.
#[test]
fn a_public_ec_key_is_not_an_hmac_secret() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        assert_no_confusion(algorithm);
    }
}

/// Incident V09.
#[test]
fn a_public_edwards_or_ml_dsa_key_is_not_an_hmac_secret() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EdDsa, Algorithm::MlDsa44] {
        assert_no_confusion(algorithm);
    }
}

/// Incident V10.
#[test]
fn an_rsa_key_without_alg_is_not_an_empty_hmac_key() {
    let signer = TestSigner::with(Algorithm::Rs256);
    let bare = Jwk { alg: None, ..signer.key.verifying_key().jwk().unwrap() };
    let keys = JwkSet { keys: vec![bare] };
    let token = with_hmac(&hs256(signer.key.kid()), b"");

    assert!(keys.to_key_set(&Algorithm::ASYMMETRIC).is_empty());
    let verifier = permissive_verifier(keys.to_key_set(&[Algorithm::Rs256]).iter().cloned());
    assert_eq!(rejection(&verifier, &token), JwsError::AlgorithmNotAllowed);
}

/// Incident V11.
#[test]
fn there_is_no_default_secret_or_algorithm() {
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).unwrap().verifying_key();
        let bare = Jwk { alg: None, ..key.jwk().unwrap() };
        let keys = JwkSet { keys: vec![bare] }.to_key_set(&[algorithm]);
        for secret in [&b""[..], b"undefined", b"null", b"secret", key.kid().as_bytes()] {
            for header in [hs256(key.kid()), json!({"typ": "at+jwt", "alg": "HS256"})] {
                let verifier = permissive_verifier(keys.iter().cloned());
                assert_eq!(rejection(&verifier, &with_hmac(&header, secret)), JwsError::AlgorithmNotAllowed);
            }
        }
    }
}

/// Incident V12.
#[test]
fn an_allowed_alg_does_not_admit_a_key_of_another_algorithm() {
    let (listed, other) = (TestSigner::new(), TestSigner::with(Algorithm::Ed25519));
    let keys = KeySet::new([listed.key.verifying_key(), other.key.verifying_key()]).unwrap();
    let verifier = TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]).build(keys).unwrap();

    let named =
        signed_by(&other.key, &json!({"typ": "at+jwt", "alg": "ES256", "kid": other.key.kid()}), &claims());
    assert_eq!(rejection(&verifier, &named), JwsError::AlgorithmMismatch);
    assert_eq!(rejection(&verifier, &other.sign(&claims())), JwsError::AlgorithmNotAllowed);
    assert!(verifier.verify(&listed.sign(&claims()), NOON).is_ok());
}

/// Incident V20.
#[test]
fn a_public_key_in_any_known_format_is_not_a_secret() {
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
        assert_eq!(loaded.unwrap_err(), KeyError::SecretIsKey, "{secret}");
    }
    assert_no_confusion(Algorithm::Ed25519);
}
