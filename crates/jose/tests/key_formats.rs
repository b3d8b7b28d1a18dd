//! Import and export of keys as JWK, PEM and DER, and rejection of malformed ones.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

#[path = "support/keys.rs"]
mod keys;

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey, base64url, jws};
use serde_json::{Value, json};

use keys::signing_key;

/// A key for each algorithm.
static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| Algorithm::ALL.map(signing_key).into());

fn asymmetric_keys() -> impl Iterator<Item = &'static SigningKey> {
    KEYS.iter().filter(|key| !key.algorithm().is_symmetric())
}

fn key_for(algorithm: Algorithm) -> &'static SigningKey {
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

fn private_jwk(algorithm: Algorithm) -> Value {
    serde_json::from_str(key_for(algorithm).to_private_jwk().expose()).unwrap()
}

fn parse(jwk: &Value) -> Result<SigningKey, KeyError> {
    SigningKey::from_private_jwk(jwk.to_string().as_bytes(), None)
}

/// Whether a token that `signing` signed is accepted with `verifying`.
fn verifies(signing: &SigningKey, verifying: VerifyingKey) -> bool {
    let keys = KeySet::new([verifying]).unwrap();
    let token = signing.sign("at+jwt", b"{}").unwrap();
    jws::verify(&token, &keys, &[signing.algorithm()], &["at+jwt"]).is_ok()
}

#[test]
fn a_private_key_round_trips_in_every_format() {
    for key in KEYS.iter() {
        let algorithm = key.algorithm();
        let jwk = SigningKey::from_private_jwk(key.to_private_jwk().expose().as_bytes(), None).unwrap();
        let bytes = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose()).unwrap();
        for parsed in [jwk, bytes] {
            assert_eq!((parsed.kid(), parsed.algorithm()), (key.kid(), algorithm));
            assert!(verifies(&parsed, key.verifying_key()), "{algorithm}");
        }
        assert_eq!(key.to_private_pem().is_none(), algorithm.is_symmetric());
        if let Some(pem) = key.to_private_pem() {
            let parsed = SigningKey::from_pem(algorithm, pem.expose()).unwrap();
            assert!(verifies(&parsed, key.verifying_key()), "{algorithm}");
        }
    }
}

#[test]
fn a_public_key_round_trips_in_every_format() {
    for key in asymmetric_keys() {
        let (algorithm, public) = (key.algorithm(), key.verifying_key());
        let pem = VerifyingKey::from_pem(algorithm, &public.to_pem().unwrap()).unwrap();
        let der = VerifyingKey::from_spki(algorithm, &public.to_spki().unwrap()).unwrap();
        let jwk = VerifyingKey::from_jwk(&public.jwk().unwrap(), None).unwrap();
        for parsed in [pem, der, jwk] {
            assert_eq!((parsed.kid(), parsed.jwk()), (key.kid(), public.jwk()));
            assert!(verifies(key, parsed), "{algorithm}");
        }
    }
}

#[test]
fn a_shared_secret_has_no_public_key() {
    for algorithm in Algorithm::SYMMETRIC {
        let public = key_for(algorithm).verifying_key();
        assert_eq!((public.jwk(), public.to_spki(), public.to_pem()), (None, None, None));
    }
}

#[test]
fn a_key_is_rejected_for_another_key_type() {
    for key in asymmetric_keys() {
        let (pem, spki) = (key.to_private_pem().unwrap(), key.verifying_key().to_spki().unwrap());
        for other in Algorithm::ALL {
            let is_same_type = key.verifying_key().jwk().unwrap().kty == "RSA"
                && (other.as_str().starts_with("RS") || other.as_str().starts_with("PS"))
                || key.algorithm() == other
                || [Algorithm::Ed25519, Algorithm::EdDsa] == [key.algorithm(), other]
                || [Algorithm::EdDsa, Algorithm::Ed25519] == [key.algorithm(), other];
            assert_eq!(VerifyingKey::from_spki(other, &spki).is_ok(), is_same_type, "{key:?} {other}");
            assert_eq!(SigningKey::from_pem(other, pem.expose()).is_ok(), is_same_type, "{key:?} {other}");
            // A JWK names its algorithm, which must be the expected one.
            let jwk = key.to_private_jwk();
            let parsed = SigningKey::from_private_jwk(jwk.expose().as_bytes(), Some(other));
            assert_eq!(parsed.is_ok(), key.algorithm() == other, "{key:?} {other}");
        }
    }
}

#[test]
fn a_pem_with_another_label_is_rejected_and_the_error_names_the_right_one() {
    let key = key_for(Algorithm::Rs256);
    let (private, public) = (key.to_private_pem().unwrap(), key.verifying_key().to_pem().unwrap());
    let private = private.expose();
    for invalid in [
        private.as_str(),
        &public.replace("PUBLIC", "RSA PUBLIC"),
        &public.replace("PUBLIC KEY", "CERTIFICATE"),
        &format!("{public}{public}"),
        "",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ user@host",
    ] {
        let error = VerifyingKey::from_pem(Algorithm::Rs256, invalid).unwrap_err();
        assert_eq!(error, KeyError::NotPem("PUBLIC KEY"));
        assert!(error.to_string().contains("PUBLIC KEY"));
    }
    for invalid in [
        public.as_str(),
        &private.replace("PRIVATE", "RSA PRIVATE"),
        &private.replace("PRIVATE", "EC PRIVATE"),
        &private.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    ] {
        let error = SigningKey::from_pem(Algorithm::Rs256, invalid).unwrap_err();
        assert_eq!(error, KeyError::NotPem("PRIVATE KEY"));
    }
}

#[test]
fn a_private_jwk_with_another_public_key_is_rejected() {
    let is_not_a_repeated_rsa_key =
        |algorithm: &Algorithm| !["RS384", "RS512", "PS256", "PS384", "PS512"].contains(&algorithm.as_str());
    for algorithm in Algorithm::ASYMMETRIC.into_iter().filter(is_not_a_repeated_rsa_key) {
        let (mut jwk, other) = (private_jwk(algorithm), SigningKey::generate(algorithm).unwrap());
        let other: Value = serde_json::from_str(other.to_private_jwk().expose()).unwrap();
        for member in ["x", "y", "n", "pub"].into_iter().filter(|member| other.get(member).is_some()) {
            jwk[member] = other[member].clone();
        }
        let error = parse(&jwk).unwrap_err();
        assert!(
            matches!(error, KeyError::PrivateKeyMismatch | KeyError::Malformed(_)),
            "{algorithm} {error:?}"
        );
    }
}

#[test]
fn a_private_jwk_with_a_missing_malformed_or_unsupported_member_is_rejected() {
    for algorithm in Algorithm::ALL {
        let jwk = private_jwk(algorithm);
        for member in ["d", "priv", "k", "x", "y", "n", "e", "p", "q", "dp", "dq", "qi", "pub", "kty", "crv"]
        {
            let Some(text) = jwk.get(member).and_then(Value::as_str) else { continue };
            let mut missing = jwk.clone();
            missing.as_object_mut().unwrap().remove(member);
            assert!(parse(&missing).is_err(), "{algorithm} without {member}");
            for invalid in
                [json!(""), json!(null), json!(7), json!(text[..text.len() / 2]), json!(format!("{text}="))]
            {
                let mut changed = jwk.clone();
                changed[member] = invalid;
                assert!(parse(&changed).is_err(), "{algorithm} {member} {}", changed[member]);
            }
        }
    }
    let mut with_more_primes = private_jwk(Algorithm::Rs256);
    with_more_primes["oth"] = json!([]);
    assert_eq!(parse(&with_more_primes).unwrap_err(), KeyError::Malformed(Algorithm::Rs256));
}

#[test]
fn a_private_jwk_must_be_strict_json_and_allow_signing() {
    let text = key_for(Algorithm::Es256).to_private_jwk().expose().clone();
    let with_duplicate = text.replacen('{', "{\"d\":\"AAAA\",", 1);
    for invalid in ["", "[]", "{}", "null", &with_duplicate, &format!("{text}{text}"), &text[1..]] {
        assert_eq!(
            SigningKey::from_private_jwk(invalid.as_bytes(), None).unwrap_err(),
            KeyError::NotJwk,
            "{invalid}"
        );
    }
    let mut jwk = private_jwk(Algorithm::Es256);
    jwk["use"] = json!("enc");
    assert_eq!(parse(&jwk).unwrap_err(), KeyError::WrongUse);
    jwk["use"] = json!("sig");
    jwk["key_ops"] = json!(["verify"]);
    assert_eq!(parse(&jwk).unwrap_err(), KeyError::WrongUse);
    jwk["key_ops"] = json!(["sign"]);
    jwk["alg"] = json!("none");
    assert_eq!(parse(&jwk).unwrap_err(), KeyError::WrongAlgorithm);
}

#[test]
fn a_point_off_the_curve_or_at_infinity_is_rejected() {
    for (algorithm, length) in [(Algorithm::Es256, 32), (Algorithm::Es384, 48), (Algorithm::Es512, 66)] {
        let key = key_for(algorithm).verifying_key();
        let spki = key.to_spki().unwrap();
        let (prefix, point) = spki.split_at(spki.len() - 2 * length - 1);
        let error_for = |point: &[u8]| {
            // The DER lengths may be wrong too; both are malformed.
            VerifyingKey::from_spki(algorithm, &[prefix, point].concat()).unwrap_err()
        };
        let mut off_curve = point.to_vec();
        *off_curve.last_mut().unwrap() ^= 1;
        for invalid in [
            off_curve,
            vec![0],
            [&[2], &point[1..=length]].concat(),
            vec![4; point.len()],
            vec![0; point.len()],
        ] {
            assert_eq!(error_for(&invalid), KeyError::Malformed(algorithm), "{invalid:?}");
        }
        // Zero coordinates, as a well-formed JWK.
        let mut jwk = key.jwk().unwrap();
        (jwk.x, jwk.y) = (Some(base64url::encode(vec![0; length])), Some(base64url::encode(vec![0; length])));
        assert_eq!(VerifyingKey::from_jwk(&jwk, None).unwrap_err(), KeyError::Malformed(algorithm));
    }
}

#[test]
fn a_key_can_have_the_id_that_another_issuer_uses() {
    for key in KEYS.iter() {
        let renamed = key.verifying_key().with_kid("2026-key").unwrap();
        assert_eq!(renamed.kid(), "2026-key");
        assert!(renamed.jwk().is_none_or(|jwk| jwk.kid.as_deref() == Some("2026-key")));
        let (message, token) = (b"a message", key.sign("at+jwt", b"{}").unwrap());
        let (signing_input, signature) = token.rsplit_once('.').unwrap();
        assert!(renamed.verify(signing_input.as_bytes(), &base64url::decode(signature).unwrap()));
        assert!(!renamed.verify(message, &base64url::decode(signature).unwrap()));
        for invalid in [String::new(), "k".repeat(129)] {
            assert_eq!(key.verifying_key().with_kid(&invalid).unwrap_err(), KeyError::BadKeyId);
        }
    }
}

#[test]
fn ml_dsa_keys_have_the_thumbprints_of_rfc_9964() {
    // RFC 9964, appendix A: the keys for a seed of 32 zero bytes, here as PKCS#8 (RFC 9881, section 6).
    let prefix = b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03";
    let pkcs8 = |parameter_set: u8| [prefix, &[parameter_set, 4, 0x22, 0x80, 0x20][..], &[0; 32]].concat();
    for (algorithm, parameter_set, thumbprint) in [
        (Algorithm::MlDsa44, 0x11, "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o"),
        (Algorithm::MlDsa65, 0x12, "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM"),
    ] {
        let key = SigningKey::from_secret_bytes(algorithm, &pkcs8(parameter_set)).unwrap();
        assert_eq!(key.kid(), thumbprint);
        let jwk: Value = serde_json::from_str(key.to_private_jwk().expose()).unwrap();
        assert_eq!((&jwk["kty"], &jwk["priv"]), (&json!("AKP"), &json!("A".repeat(43))));
        assert_eq!(parse(&jwk).unwrap().kid(), thumbprint);
    }
}
