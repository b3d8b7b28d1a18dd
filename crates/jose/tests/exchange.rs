//! Keys in and out: as JWK, as PEM, as bytes, and whatever somebody may hand us in their place.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

#[path = "support/keys.rs"]
mod keys;

use std::sync::LazyLock;

use counterfoil_jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey, base64url, jws};
use serde_json::{Value, json};

use keys::signing_key;

/// A key for each algorithm.
static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| Algorithm::ALL.map(signing_key).into());

fn with_public_halves() -> impl Iterator<Item = &'static SigningKey> {
    KEYS.iter().filter(|key| !key.algorithm().is_symmetric())
}

fn key_for(algorithm: Algorithm) -> &'static SigningKey {
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

fn private_jwk(algorithm: Algorithm) -> Value {
    serde_json::from_str(key_for(algorithm).to_private_jwk().expose()).unwrap()
}

fn read(jwk: &Value) -> Result<SigningKey, KeyError> {
    SigningKey::from_private_jwk(jwk.to_string().as_bytes(), None)
}

/// Whether what `signing` signs is accepted with `verifying`.
fn belong_together(signing: &SigningKey, verifying: VerifyingKey) -> bool {
    let keys = KeySet::new([verifying]).unwrap();
    let token = signing.sign("at+jwt", b"{}").unwrap();
    jws::verify(&token, &keys, &[signing.algorithm()], &["at+jwt"]).is_ok()
}

#[test]
fn a_private_key_goes_out_and_comes_in_again_in_every_form() {
    for key in KEYS.iter() {
        let algorithm = key.algorithm();
        let jwk = SigningKey::from_private_jwk(key.to_private_jwk().expose().as_bytes(), None).unwrap();
        let bytes = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose()).unwrap();
        for again in [jwk, bytes] {
            assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));
            assert!(belong_together(&again, key.verifying_key()), "{algorithm}");
        }
        assert_eq!(key.to_private_pem().is_none(), algorithm.is_symmetric());
        if let Some(pem) = key.to_private_pem() {
            let again = SigningKey::from_pem(algorithm, pem.expose()).unwrap();
            assert!(belong_together(&again, key.verifying_key()), "{algorithm}");
        }
    }
}

#[test]
fn a_public_key_goes_out_and_comes_in_again_in_every_form() {
    for key in with_public_halves() {
        let (algorithm, public) = (key.algorithm(), key.verifying_key());
        let pem = VerifyingKey::from_pem(algorithm, &public.to_pem().unwrap()).unwrap();
        let der = VerifyingKey::from_spki(algorithm, &public.to_spki().unwrap()).unwrap();
        let jwk = VerifyingKey::from_jwk(&public.jwk().unwrap(), None).unwrap();
        for again in [pem, der, jwk] {
            assert_eq!((again.kid(), again.jwk()), (key.kid(), public.jwk()));
            assert!(belong_together(key, again), "{algorithm}");
        }
    }
}

#[test]
fn a_shared_secret_never_goes_out_as_a_public_key() {
    for algorithm in Algorithm::SECRET {
        let public = key_for(algorithm).verifying_key();
        assert_eq!((public.jwk(), public.to_spki(), public.to_pem()), (None, None, None));
    }
}

#[test]
fn a_key_for_one_algorithm_is_read_for_no_other_type() {
    for key in with_public_halves() {
        let (pem, spki) = (key.to_private_pem().unwrap(), key.verifying_key().to_spki().unwrap());
        for other in Algorithm::ALL {
            let is_same_type = key.verifying_key().jwk().unwrap().kty == "RSA"
                && (other.as_str().starts_with("RS") || other.as_str().starts_with("PS"))
                || key.algorithm() == other
                || [Algorithm::Ed25519, Algorithm::EdDsa] == [key.algorithm(), other]
                || [Algorithm::EdDsa, Algorithm::Ed25519] == [key.algorithm(), other];
            assert_eq!(VerifyingKey::from_spki(other, &spki).is_ok(), is_same_type, "{key:?} {other}");
            assert_eq!(SigningKey::from_pem(other, pem.expose()).is_ok(), is_same_type, "{key:?} {other}");
            // A JWK names its algorithm, and there is no second.
            let jwk = key.to_private_jwk();
            let read = SigningKey::from_private_jwk(jwk.expose().as_bytes(), Some(other));
            assert_eq!(read.is_ok(), key.algorithm() == other, "{key:?} {other}");
        }
    }
}

#[test]
fn a_pem_of_another_kind_is_refused_and_says_what_is_wanted() {
    let key = key_for(Algorithm::Rs256);
    let (private, public) = (key.to_private_pem().unwrap(), key.verifying_key().to_pem().unwrap());
    let private = private.expose();
    for odd in [
        private.as_str(),
        &public.replace("PUBLIC", "RSA PUBLIC"),
        &public.replace("PUBLIC KEY", "CERTIFICATE"),
        &format!("{public}{public}"),
        "",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ user@host",
    ] {
        let refused = VerifyingKey::from_pem(Algorithm::Rs256, odd).unwrap_err();
        assert_eq!(refused, KeyError::NotPem("PUBLIC KEY"));
        assert!(refused.to_string().contains("PUBLIC KEY"));
    }
    for odd in [
        public.as_str(),
        &private.replace("PRIVATE", "RSA PRIVATE"),
        &private.replace("PRIVATE", "EC PRIVATE"),
        &private.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    ] {
        let refused = SigningKey::from_pem(Algorithm::Rs256, odd).unwrap_err();
        assert_eq!(refused, KeyError::NotPem("PRIVATE KEY"));
    }
}

#[test]
fn halves_that_do_not_belong_together_are_no_key() {
    let one_of_rsa =
        |algorithm: &Algorithm| !["RS384", "RS512", "PS256", "PS384", "PS512"].contains(&algorithm.as_str());
    for algorithm in Algorithm::PUBLIC.into_iter().filter(one_of_rsa) {
        let (mut jwk, other) = (private_jwk(algorithm), SigningKey::generate(algorithm).unwrap());
        let other: Value = serde_json::from_str(other.to_private_jwk().expose()).unwrap();
        for member in ["x", "y", "n", "pub"].into_iter().filter(|member| other.get(member).is_some()) {
            jwk[member] = other[member].clone();
        }
        let refused = read(&jwk).unwrap_err();
        assert!(
            matches!(refused, KeyError::Inconsistent | KeyError::Malformed(_)),
            "{algorithm} {refused:?}"
        );
    }
}

#[test]
fn a_private_jwk_with_a_member_missing_too_short_or_too_many_is_refused() {
    for algorithm in Algorithm::ALL {
        let jwk = private_jwk(algorithm);
        for member in ["d", "priv", "k", "x", "y", "n", "e", "p", "q", "dp", "dq", "qi", "pub", "kty", "crv"]
        {
            let Some(text) = jwk.get(member).and_then(Value::as_str) else { continue };
            let mut missing = jwk.clone();
            missing.as_object_mut().unwrap().remove(member);
            assert!(read(&missing).is_err(), "{algorithm} without {member}");
            for odd in
                [json!(""), json!(null), json!(7), json!(text[..text.len() / 2]), json!(format!("{text}="))]
            {
                let mut changed = jwk.clone();
                changed[member] = odd;
                assert!(read(&changed).is_err(), "{algorithm} {member} {}", changed[member]);
            }
        }
    }
    let mut many = private_jwk(Algorithm::Rs256);
    many["oth"] = json!([]);
    assert_eq!(read(&many).unwrap_err(), KeyError::Malformed(Algorithm::Rs256));
}

#[test]
fn a_private_jwk_is_strict_json_for_signing() {
    let text = key_for(Algorithm::Es256).to_private_jwk().expose().clone();
    let twice = text.replacen('{', "{\"d\":\"AAAA\",", 1);
    for odd in ["", "[]", "{}", "null", &twice, &format!("{text}{text}"), &text[1..]] {
        assert_eq!(
            SigningKey::from_private_jwk(odd.as_bytes(), None).unwrap_err(),
            KeyError::NotJwk,
            "{odd}"
        );
    }
    let mut jwk = private_jwk(Algorithm::Es256);
    jwk["use"] = json!("enc");
    assert_eq!(read(&jwk).unwrap_err(), KeyError::WrongUse);
    jwk["use"] = json!("sig");
    jwk["key_ops"] = json!(["verify"]);
    assert_eq!(read(&jwk).unwrap_err(), KeyError::WrongUse);
    jwk["key_ops"] = json!(["sign"]);
    jwk["alg"] = json!("none");
    assert_eq!(read(&jwk).unwrap_err(), KeyError::WrongAlgorithm);
}

#[test]
fn a_point_off_the_curve_or_at_infinity_is_no_key() {
    for (algorithm, length) in [(Algorithm::Es256, 32), (Algorithm::Es384, 48), (Algorithm::Es512, 66)] {
        let key = key_for(algorithm).verifying_key();
        let spki = key.to_spki().unwrap();
        let (front, point) = spki.split_at(spki.len() - 2 * length - 1);
        let with = |point: &[u8]| {
            // Lengths of the wrapping may then be wrong too: either is malformed.
            VerifyingKey::from_spki(algorithm, &[front, point].concat()).unwrap_err()
        };
        let mut off = point.to_vec();
        *off.last_mut().unwrap() ^= 1;
        for odd in
            [off, vec![0], [&[2], &point[1..=length]].concat(), vec![4; point.len()], vec![0; point.len()]]
        {
            assert_eq!(with(&odd), KeyError::Malformed(algorithm), "{odd:?}");
        }
        // Infinity, wrapped correctly.
        let mut jwk = key.jwk().unwrap();
        (jwk.x, jwk.y) = (Some(base64url::encode(vec![0; length])), Some(base64url::encode(vec![0; length])));
        assert_eq!(VerifyingKey::from_jwk(&jwk, None).unwrap_err(), KeyError::Malformed(algorithm));
    }
}

#[test]
fn a_key_is_known_by_the_id_that_a_foreign_issuer_gave_it() {
    for key in KEYS.iter() {
        let known = key.verifying_key().known_as("2026-key").unwrap();
        assert_eq!(known.kid(), "2026-key");
        assert!(known.jwk().is_none_or(|jwk| jwk.kid.as_deref() == Some("2026-key")));
        let (message, token) = (b"a message", key.sign("at+jwt", b"{}").unwrap());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        assert!(known.is_signed(signed.as_bytes(), &base64url::decode(signature).unwrap()));
        assert!(!known.is_signed(message, &base64url::decode(signature).unwrap()));
        for odd in [String::new(), "k".repeat(129)] {
            assert_eq!(key.verifying_key().known_as(&odd).unwrap_err(), KeyError::BadKeyId);
        }
    }
}

#[test]
fn the_thumbprints_of_rfc_9964_are_ours() {
    // RFC 9964, appendix A: the keys of a seed of 32 zeros. As PKCS#8: RFC 9881, section 6.
    let front = b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03";
    let kept = |set: u8| [front, &[set, 4, 0x22, 0x80, 0x20][..], &[0; 32]].concat();
    for (algorithm, set, thumbprint) in [
        (Algorithm::MlDsa44, 0x11, "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o"),
        (Algorithm::MlDsa65, 0x12, "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM"),
    ] {
        let key = SigningKey::from_secret_bytes(algorithm, &kept(set)).unwrap();
        assert_eq!(key.kid(), thumbprint);
        let jwk: Value = serde_json::from_str(key.to_private_jwk().expose()).unwrap();
        assert_eq!((&jwk["kty"], &jwk["priv"]), (&json!("AKP"), &json!("A".repeat(43))));
        assert_eq!(read(&jwk).unwrap().kid(), thumbprint);
    }
}
