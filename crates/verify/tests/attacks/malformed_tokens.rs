//! Forms, claims and signatures that some reader took for good ones.

use std::time::{Duration, Instant};

use serde_json::json;

use counterfoil_jose::{Algorithm, Rejection, base64url};
use counterfoil_verify::{AuthError, InvalidReason};

use crate::forgery::{rejection, signed_by, unsigned};
use crate::test_issuer::{Mint, NOON, claims, with};

#[test]
fn v13_a_json_serialization_is_refused_with_its_unprotected_header() {
    let mint = Mint::new();
    let token = mint.sign(&claims());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let loose = json!({"alg": "none"});
    let flat = json!({"header": loose, "protected": header, "payload": payload, "signature": signature});
    let one = json!({"header": loose, "protected": header, "signature": signature});
    let general = json!({"payload": payload, "signatures": [one]});
    for text in [flat.to_string(), general.to_string()] {
        assert!(matches!(
            rejection(&mint.verifier(), &text),
            Rejection::NotCompact | Rejection::NotBase64url
        ));
    }
}

#[test]
fn v14_what_is_encrypted_to_our_public_key_is_not_authentic() {
    let mint = Mint::with(Algorithm::Rs256);
    for alg in ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5", "ECDH-ES", "dir"] {
        let header = json!({"alg": alg, "enc": "A256GCM", "typ": "at+jwt", "kid": mint.key.kid()});
        let header = base64url::encode(header.to_string());
        let token =
            format!("{header}.AAAA.AAAAAAAAAAAAAAAA.{}.AAAA", base64url::encode(claims().to_string()));
        assert_eq!(rejection(&mint.verifier(), &token), Rejection::NotCompact, "{alg}");
    }
}

#[test]
fn v15_an_extension_that_nobody_implements_is_refused_though_it_is_signed() {
    let mint = Mint::new();
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
            "typ": "at+jwt", "alg": "ES256", "kid": mint.key.kid(), "crit": crit, "x": true, "exp": 1,
        });
        let token = signed_by(&mint.key, &header, &claims());
        assert_eq!(rejection(&mint.verifier(), &token), Rejection::Critical, "{crit}");
    }
}

#[test]
fn v16_tokens_that_look_alike_each_give_their_own_claims() {
    // Ten thousand of one length and one kid, with one beginning: remembered, then asked for in another order.
    let mint = Mint::with(Algorithm::Hs256);
    let verifier = mint.verifier();
    let tokens: Vec<_> =
        (0..10_000).map(|n| (n, mint.sign(&with("sub", json!(format!("{n:0>22}")))))).collect();
    for (number, token) in tokens.iter().chain(tokens.iter().rev()) {
        let principal = verifier.verify(token, NOON).unwrap();
        assert_eq!(principal.subject(), format!("{number:0>22}"));
    }
    // The beginning of one and the end of another are nobody's.
    for pair in tokens.windows(2) {
        let (payload, _) = pair[0].1.rsplit_once('.').unwrap();
        let (_, signature) = pair[1].1.rsplit_once('.').unwrap();
        let spliced = format!("{payload}.{signature}");
        assert_eq!(rejection(&verifier, &spliced), Rejection::BadSignature);
    }
}

#[test]
fn v17_an_end_of_the_wrong_type_is_no_token_without_an_end() {
    let mint = Mint::new();
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for odd in [
            json!("99999999999"),
            json!(true),
            json!("x"),
            json!(null),
            json!([1]),
            json!({}),
            json!(1.5),
            json!(-1),
        ] {
            let token = mint.sign(&with(name, odd.clone()));
            let denied = mint.verifier().verify(&token, NOON).unwrap_err();
            assert_eq!(denied, AuthError::InvalidCredential(InvalidReason::MalformedClaims), "{name} {odd}");
        }
    }
}

#[test]
fn v18_a_signature_of_zeros_is_none() {
    for (algorithm, length) in [(Algorithm::Es256, 64), (Algorithm::Es384, 96), (Algorithm::Es512, 132)] {
        let mint = Mint::with(algorithm);
        let header = json!({"typ": "at+jwt", "alg": algorithm.as_str(), "kid": mint.key.kid()});
        let der_zeros = [0x30, 6, 2, 1, 0, 2, 1, 0];
        let mut one = vec![0; length];
        (one[length / 2 - 1], one[length - 1]) = (1, 1);
        for odd in
            [vec![0; length], one, vec![0], vec![0xFF; length], der_zeros.to_vec(), vec![0; length / 2]]
        {
            let token = format!("{}.{}", unsigned(&header, &claims()), base64url::encode(&odd));
            assert_eq!(rejection(&mint.verifier(), &token), Rejection::BadSignature, "{algorithm} {odd:?}");
        }
    }
}

#[test]
fn v22_a_header_of_millions_of_dots_costs_nothing() {
    let (verifier, dots) = (Mint::new().verifier(), ".".repeat(10_000_000));
    let start = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(rejection(&verifier, &dots), Rejection::TooLong);
    }
    // Ten gigabytes of them, were they looked at or copied.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn v23_a_count_of_rounds_is_not_obeyed() {
    let mint = Mint::new();
    let header = json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_000_000_000, "p2s": "AAAA"});
    let encrypted = format!("{}.AAAA.AAAA.AAAA.AAAA", base64url::encode(header.to_string()));
    let start = Instant::now();

    assert_eq!(rejection(&mint.verifier(), &encrypted), Rejection::NotCompact);
    let token = signed_by(&mint.key, &header, &claims());
    assert_eq!(rejection(&mint.verifier(), &token), Rejection::AlgorithmNotAllowed);

    assert!(start.elapsed() < Duration::from_millis(50), "{:?}", start.elapsed());
}

#[test]
fn v24_nothing_is_inflated() {
    let mint = Mint::new();
    // A raw deflate stream of one long run, a thousand times smaller than what it stands for.
    let bomb = base64url::encode([&[0xED, 0xC1, 0x01, 0x01][..], &[0; 1_000]].concat());
    let encrypted = json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF"});
    let token = format!("{}..AAAA.{bomb}.AAAA", base64url::encode(encrypted.to_string()));
    assert_eq!(rejection(&mint.verifier(), &token), Rejection::NotCompact);

    // In a signed token the word means nothing, and the payload is read as it stands.
    let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": mint.key.kid(), "zip": "DEF"});
    let token = signed_by(&mint.key, &header, &claims());
    assert!(mint.verifier().verify(&token, NOON).is_ok());
}
