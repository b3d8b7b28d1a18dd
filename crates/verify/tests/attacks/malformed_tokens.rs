//! Malformed tokens, claims and signatures that other libraries accepted.

use std::time::{Duration, Instant};

use serde_json::json;

use counterfoil_jose::{Algorithm, JwsError, base64url};
use counterfoil_verify::{AuthError, InvalidReason};

use crate::forgery::{rejection, signed_by, signing_input};
use crate::test_signer::{NOON, TestSigner, claims, with};

/// Incident V13.
#[test]
fn a_json_serialization_is_rejected() {
    let signer = TestSigner::new();
    let token = signer.sign(&claims());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let loose = json!({"alg": "none"});
    let flat = json!({"header": loose, "protected": header, "payload": payload, "signature": signature});
    let one = json!({"header": loose, "protected": header, "signature": signature});
    let general = json!({"payload": payload, "signatures": [one]});
    for text in [flat.to_string(), general.to_string()] {
        assert!(matches!(
            rejection(&signer.verifier(), &text),
            JwsError::NotCompact | JwsError::NotBase64url
        ));
    }
}

/// Incident V14.
#[test]
fn a_token_encrypted_to_the_public_key_is_rejected() {
    let signer = TestSigner::with(Algorithm::Rs256);
    for alg in ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5", "ECDH-ES", "dir"] {
        let header = json!({"alg": alg, "enc": "A256GCM", "typ": "at+jwt", "kid": signer.key.kid()});
        let header = base64url::encode(header.to_string());
        let token =
            format!("{header}.AAAA.AAAAAAAAAAAAAAAA.{}.AAAA", base64url::encode(claims().to_string()));
        assert_eq!(rejection(&signer.verifier(), &token), JwsError::NotCompact, "{alg}");
    }
}

/// Incident V15.
#[test]
fn an_unknown_critical_extension_is_rejected() {
    let signer = TestSigner::new();
    for crit in [
        json!(["x"]),
        json!(["exp"]),
        json!(["b64"]),
        json!([]),
        json!(null),
        json!("x"),
        json!(["alg", "alg"]),
    ] {
        let header = json!({
            "typ": "at+jwt", "alg": "ES256", "kid": signer.key.kid(), "crit": crit, "x": true, "exp": 1,
        });
        let token = signed_by(&signer.key, &header, &claims());
        assert_eq!(rejection(&signer.verifier(), &token), JwsError::UnsupportedCrit, "{crit}");
    }
}

/// Incident V16.
#[test]
fn similar_hmac_tokens_each_give_their_own_claims() {
    // Ten thousand tokens of one length, one kid and one prefix: cached, then verified in another order.
    let signer = TestSigner::with(Algorithm::Hs256);
    let verifier = signer.verifier();
    let tokens: Vec<_> =
        (0..10_000).map(|n| (n, signer.sign(&with("sub", json!(format!("{n:0>22}")))))).collect();
    for (number, token) in tokens.iter().chain(tokens.iter().rev()) {
        let principal = verifier.verify(token, NOON).unwrap();
        assert_eq!(principal.subject(), format!("{number:0>22}"));
    }
    // The claims of one token with the signature of another are rejected.
    for pair in tokens.windows(2) {
        let (payload, _) = pair[0].1.rsplit_once('.').unwrap();
        let (_, signature) = pair[1].1.rsplit_once('.').unwrap();
        let spliced = format!("{payload}.{signature}");
        assert_eq!(rejection(&verifier, &spliced), JwsError::BadSignature);
    }
}

/// Incident V17.
#[test]
fn an_expiry_of_the_wrong_type_is_not_treated_as_absent() {
    let signer = TestSigner::new();
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for invalid in [
            json!("99999999999"),
            json!(true),
            json!("x"),
            json!(null),
            json!([1]),
            json!({}),
            json!(1.5),
            json!(-1),
        ] {
            let token = signer.sign(&with(name, invalid.clone()));
            let error = signer.verifier().verify(&token, NOON).unwrap_err();
            assert_eq!(
                error,
                AuthError::InvalidCredential(InvalidReason::MalformedClaims),
                "{name} {invalid}"
            );
        }
    }
}

/// Incident V18.
#[test]
fn a_signature_of_zeros_is_rejected() {
    for (algorithm, length) in [(Algorithm::Es256, 64), (Algorithm::Es384, 96), (Algorithm::Es512, 132)] {
        let signer = TestSigner::with(algorithm);
        let header = json!({"typ": "at+jwt", "alg": algorithm.as_str(), "kid": signer.key.kid()});
        let der_zeros = [0x30, 6, 2, 1, 0, 2, 1, 0];
        let mut one = vec![0; length];
        (one[length / 2 - 1], one[length - 1]) = (1, 1);
        for invalid in
            [vec![0; length], one, vec![0], vec![0xFF; length], der_zeros.to_vec(), vec![0; length / 2]]
        {
            let token = format!("{}.{}", signing_input(&header, &claims()), base64url::encode(&invalid));
            assert_eq!(
                rejection(&signer.verifier(), &token),
                JwsError::BadSignature,
                "{algorithm} {invalid:?}"
            );
        }
    }
}

/// Incident V22.
#[test]
fn a_token_of_millions_of_dots_is_rejected_quickly() {
    let (verifier, dots) = (TestSigner::new().verifier(), ".".repeat(10_000_000));
    let start = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(rejection(&verifier, &dots), JwsError::TooLong);
    }
    // Reading or copying them would be ten gigabytes.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

/// Incident V23.
#[test]
fn an_iteration_count_in_the_header_is_ignored() {
    let signer = TestSigner::new();
    let header = json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_000_000_000, "p2s": "AAAA"});
    let encrypted = format!("{}.AAAA.AAAA.AAAA.AAAA", base64url::encode(header.to_string()));
    let start = Instant::now();

    assert_eq!(rejection(&signer.verifier(), &encrypted), JwsError::NotCompact);
    let token = signed_by(&signer.key, &header, &claims());
    assert_eq!(rejection(&signer.verifier(), &token), JwsError::AlgorithmNotAllowed);

    assert!(start.elapsed() < Duration::from_millis(50), "{:?}", start.elapsed());
}

/// Incident V24.
#[test]
fn compressed_content_is_never_inflated() {
    let signer = TestSigner::new();
    // A raw deflate stream of one long run that inflates to a thousand times its size.
    let bomb = base64url::encode([&[0xED, 0xC1, 0x01, 0x01][..], &[0; 1_000]].concat());
    let encrypted = json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF"});
    let token = format!("{}..AAAA.{bomb}.AAAA", base64url::encode(encrypted.to_string()));
    assert_eq!(rejection(&signer.verifier(), &token), JwsError::NotCompact);

    // In a signed token `zip` has no meaning, and the payload is read as it is.
    let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": signer.key.kid(), "zip": "DEF"});
    let token = signed_by(&signer.key, &header, &claims());
    assert!(signer.verifier().verify(&token, NOON).is_ok());
}
