//! Rejection of weak and unsuitable keys, and protection of private members.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

#[path = "support/keys.rs"]
mod keys;

use std::sync::LazyLock;

use counterfoil_jose::{
    Algorithm, HmacKey, Jwk, JwkSet, JwsError, KeyError, KeySet, SigningKey, VerifyingKey, base64url, jws,
};

use keys::signing_key;

static KEY: LazyLock<Jwk> = LazyLock::new(|| public(Algorithm::Es256));

/// A new public key.
fn public(algorithm: Algorithm) -> Jwk {
    SigningKey::generate(algorithm).unwrap().verifying_key().jwk().unwrap()
}

#[test]
fn a_key_without_alg_needs_an_expected_algorithm() {
    let without_alg = Jwk { alg: None, ..KEY.clone() };

    assert_eq!(VerifyingKey::from_jwk(&without_alg, None).unwrap_err(), KeyError::MissingAlgorithm);
    for expected in [Algorithm::Ed25519, Algorithm::Rs256, Algorithm::Hs256] {
        assert_eq!(VerifyingKey::from_jwk(&without_alg, Some(expected)).unwrap_err(), KeyError::WrongKeyType);
    }
    assert_eq!(
        VerifyingKey::from_jwk(&KEY.clone(), Some(Algorithm::Rs256)).unwrap_err(),
        KeyError::WrongAlgorithm
    );
    let key = VerifyingKey::from_jwk(&without_alg, Some(Algorithm::Es256)).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es256);
}

#[test]
fn an_rsa_key_without_alg_is_not_used_as_an_empty_hmac_secret() {
    let rsa = public(Algorithm::Rs256);
    let without_alg = JwkSet { keys: vec![Jwk { alg: None, ..rsa.clone() }] };
    let header = format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{}"}}"#, rsa.kid.as_ref().unwrap());
    let signing_input = format!("{}.{}", base64url::encode(header), base64url::encode("{}"));
    let token =
        format!("{signing_input}.{}", base64url::encode(HmacKey::new(b"").mac(&[signing_input.as_bytes()])));

    assert!(without_alg.to_key_set(&Algorithm::ASYMMETRIC).is_empty());
    let keys = without_alg.to_key_set(&[Algorithm::Rs256]);
    assert_eq!(
        jws::verify(&token, &keys, &Algorithm::ALL, &["at+jwt"]).unwrap_err(),
        JwsError::AlgorithmMismatch
    );
}

#[test]
fn a_symmetric_jwk_is_rejected() {
    let oct = br#"{"keys":[{"kty":"oct","alg":"HS256","use":"sig","kid":"a","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}]}"#;
    assert!(JwkSet::from_json(oct).unwrap().keys.is_empty());
    let jwk = Jwk { kty: "oct".into(), alg: Some("HS256".into()), kid: Some("a".into()), ..Jwk::default() };
    assert_eq!(VerifyingKey::from_jwk(&jwk, Some(Algorithm::Hs256)).unwrap_err(), KeyError::WrongKeyType);
}

#[test]
fn a_short_secret_is_rejected() {
    for short in [&b""[..], b"password", &[7; 31]] {
        assert_eq!(
            VerifyingKey::from_secret(Algorithm::Hs256, "k", short).unwrap_err(),
            KeyError::SecretTooShort(32)
        );
        assert_eq!(
            SigningKey::from_secret_bytes(Algorithm::Hs256, short).unwrap_err(),
            KeyError::SecretTooShort(32)
        );
    }
}

#[test]
fn only_public_members_are_published_and_kid_is_the_thumbprint() {
    for algorithm in Algorithm::ASYMMETRIC {
        let key = signing_key(algorithm);
        let published = JwkSet::from_key_set(&KeySet::new([key.verifying_key()]).unwrap());
        let json: serde_json::Value = serde_json::from_str(&published.to_json()).unwrap();
        let members = json["keys"][0].as_object().unwrap();

        let allowed = ["kty", "crv", "x", "y", "n", "e", "pub", "kid", "alg", "use"];
        assert!(members.keys().all(|name| allowed.contains(&name.as_str())), "{members:?}");
        assert_eq!((&members["use"], &members["alg"]), (&"sig".into(), &algorithm.as_str().into()));
        assert_eq!(members["kid"], published.keys[0].thumbprint().unwrap().as_str());
        assert_eq!(JwkSet::from_json(published.to_json().as_bytes()).unwrap(), published);
    }
    let shared = SigningKey::generate(Algorithm::Hs256).unwrap();
    let keys = KeySet::new([shared.verifying_key()]).unwrap();
    assert_eq!(JwkSet::from_key_set(&keys).to_json(), r#"{"keys":[]}"#);
}

#[test]
fn private_members_in_a_jwk_set_are_not_published_again() {
    let leaked = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}"#;
    let parsed = JwkSet::from_json(leaked).unwrap();
    assert_eq!(parsed.keys.len(), 1);
    assert!(!parsed.to_json().contains("nWGxne"));
}

/// The ids and algorithms of the keys that verify tokens with these algorithms.
fn usable(keys: &[Jwk], allowed: &[Algorithm]) -> Vec<(String, Algorithm)> {
    let set = JwkSet { keys: keys.to_vec() };
    let parsed = JwkSet::from_json(set.to_json().as_bytes()).unwrap();
    parsed.to_key_set(allowed).iter().map(|key| (key.kid().to_owned(), key.algorithm())).collect()
}

#[test]
fn a_key_without_alg_is_for_the_only_allowed_algorithm_that_fits_its_type() {
    use Algorithm::{Ed25519, EdDsa, Es256, Es384, Ps256, Rs256};

    let bare = |algorithm: Algorithm| Jwk { alg: None, kid: Some("a".into()), ..public(algorithm) };
    for (key, allowed, expected) in [
        (bare(Rs256), &[Rs256][..], Some(Rs256)),
        (bare(Rs256), &[Rs256, Es256], Some(Rs256)),
        (bare(Rs256), &[Es256, EdDsa, Rs256, Rs256], Some(Rs256)),
        (bare(Rs256), &[Rs256, Ps256], None),
        (bare(Rs256), &[Es256], None),
        (bare(Rs256), &[], None),
        (bare(Es256), &[Rs256, Es256, Es384], Some(Es256)),
        (bare(Es384), &Algorithm::ASYMMETRIC, Some(Es384)),
        (bare(Ed25519), &[Rs256, EdDsa], Some(EdDsa)),
        (bare(Ed25519), &[Ed25519, EdDsa], None),
    ] {
        let expected: Vec<_> = expected.map(|algorithm| ("a".to_owned(), algorithm)).into_iter().collect();
        assert_eq!(usable(&[key], allowed), expected, "{allowed:?}");
    }
    let named = Jwk { alg: Some("RS256".into()), ..bare(Rs256) };
    assert!(usable(std::slice::from_ref(&named), &[Ps256]).is_empty(), "`alg` of the key has precedence");
    assert_eq!(usable(&[named], &[Ps256, Rs256]).len(), 1);
}

#[test]
fn keys_with_one_id_are_distinguished_by_algorithm_and_use() {
    let with_id = |algorithm: Algorithm| Jwk { kid: Some("a".into()), ..public(algorithm) };
    let (rsa, ec) = (with_id(Algorithm::Rs256), with_id(Algorithm::Es256));
    let encryption =
        Jwk { use_: Some("enc".into()), alg: Some("RSA-OAEP".into()), ..with_id(Algorithm::Rs256) };
    let other_rsa = with_id(Algorithm::Rs256);
    let (a_rs256, a_es256) = (("a".to_owned(), Algorithm::Rs256), ("a".to_owned(), Algorithm::Es256));
    let allowed = &[Algorithm::Rs256, Algorithm::Es256];

    assert_eq!(usable(&[encryption.clone(), rsa.clone()], allowed), *std::slice::from_ref(&a_rs256));
    assert_eq!(usable(&[rsa.clone(), ec.clone()], allowed), [a_rs256.clone(), a_es256.clone()]);
    assert_eq!(usable(&[rsa.clone(), rsa.clone()], allowed), [a_rs256], "one key that is listed twice");
    // A token could mean either.
    assert_eq!(usable(&[rsa.clone(), ec, other_rsa.clone()], allowed), [a_es256]);
    let bare = Jwk { alg: None, use_: None, ..other_rsa };
    assert!(usable(&[rsa, bare, encryption], allowed).is_empty());
}

#[test]
fn a_token_is_verified_by_the_key_for_its_id_and_algorithm() {
    let [rsa, ec] = [Algorithm::Rs256, Algorithm::Es256].map(signing_key);
    let allowed = &[Algorithm::Rs256, Algorithm::Es256];
    let jwk =
        |key: &SigningKey, kid: &str| Jwk { kid: Some(kid.into()), ..key.verifying_key().jwk().unwrap() };
    for signer in [&rsa, &ec] {
        // Both keys have the id of the signer's key.
        let keys = JwkSet { keys: vec![jwk(&rsa, signer.kid()), jwk(&ec, signer.kid())] }.to_key_set(allowed);
        let token = signer.sign("at+jwt", b"{}").unwrap();
        let verified = jws::verify(&token, &keys, allowed, &["at+jwt"]).unwrap();
        assert_eq!((verified.alg, &*verified.kid), (signer.algorithm(), signer.kid()));
    }
}

#[test]
fn malformed_keys_of_a_jwk_set_are_skipped() {
    let key = KEY.clone();

    let with_malformed = format!(
        r#"{{"keys":[{{"kty":"future","kid":"f"}},{{"kty":"EC","x":7}},{{}},[],null,7,"EC",{}],"more":1}}"#,
        serde_json::to_string(&key).unwrap()
    );
    assert_eq!(JwkSet::from_json(with_malformed.as_bytes()).unwrap().keys, [key]);
    for invalid in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "[[]]"] {
        assert!(JwkSet::from_json(invalid.as_bytes()).is_err(), "{invalid}");
    }
}

#[test]
fn a_key_for_another_use_is_rejected() {
    let ops = |ops: &[&str]| Some(ops.iter().map(|op| op.to_string()).collect());
    for (use_, key_ops, is_accepted) in [
        (None, None, true),
        (Some("sig"), ops(&["verify"]), true),
        (None, ops(&["sign", "verify"]), true),
        (Some("enc"), None, false),
        (Some("SIG"), None, false),
        (Some(""), None, false),
        (None, ops(&["encrypt"]), false),
        (None, ops(&["sign, verify"]), false),
        (None, ops(&[]), false),
        (Some("sig"), ops(&["sign"]), false),
    ] {
        let jwk = Jwk { use_: use_.map(Into::into), key_ops, ..KEY.clone() };
        let error = VerifyingKey::from_jwk(&jwk, None).err();
        assert_eq!(error, (!is_accepted).then_some(KeyError::WrongUse), "{jwk:?}");
    }
}

#[test]
fn debug_prints_only_algorithm_and_id() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        assert_eq!(format!("{key:?}"), format!("SigningKey({algorithm} {})", key.kid()));
        assert_eq!(format!("{:?}", key.verifying_key()), format!("VerifyingKey({algorithm} {})", key.kid()));
    }
}

#[test]
fn a_malformed_public_key_is_rejected() {
    let es256 =
        |x: Option<&str>, y: Option<&str>| Jwk { x: x.map(Into::into), y: y.map(Into::into), ..KEY.clone() };
    let jwk = KEY.clone();
    let (x, y) = (jwk.x.as_deref(), jwk.y.as_deref());
    let zero = base64url::encode([0; 32]);
    let padded = x.map(|x| format!("{x}="));
    for invalid in [
        es256(x, None),
        es256(None, y),
        es256(x, x),
        es256(Some(""), y),
        es256(Some(&zero), Some(&zero)),
        es256(padded.as_deref(), y),
        es256(Some("AAAA"), y),
    ] {
        assert_eq!(
            VerifyingKey::from_jwk(&invalid, None).unwrap_err(),
            KeyError::Malformed(Algorithm::Es256)
        );
    }
    for (kty, crv) in [
        ("EC", "P-384"),
        ("EC", "P-521"),
        ("EC", "secp256k1"),
        ("ec", "P-256"),
        ("OKP", "P-256"),
        ("RSA", "P-256"),
        ("", ""),
    ] {
        let invalid = Jwk { kty: kty.into(), crv: Some(crv.into()), ..KEY.clone() };
        assert_eq!(
            VerifyingKey::from_jwk(&invalid, None).unwrap_err(),
            KeyError::WrongKeyType,
            "{kty} {crv}"
        );
    }
}

#[test]
fn a_weak_rsa_key_is_rejected() {
    let good = public(Algorithm::Rs256);
    let n = base64url::decode(good.n.as_ref().unwrap()).unwrap();
    let with = |n: &[u8], e: &[u8]| Jwk {
        n: Some(base64url::encode(n)),
        e: Some(base64url::encode(e)),
        ..good.clone()
    };
    let error = |jwk: &Jwk| VerifyingKey::from_jwk(jwk, None).err();
    let malformed = Some(KeyError::Malformed(Algorithm::Rs256));

    assert_eq!(error(&with(&n, &[1, 0, 1])), None);
    assert_eq!(error(&with(&n, &[3])), None);
    for e in [&[1][..], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 1]] {
        assert_eq!(error(&with(&n, e)), Some(KeyError::RsaExponent), "{e:?}");
    }
    for e in [&[][..], &[0], &[0, 1, 0, 1]] {
        assert_eq!(error(&with(&n, e)), malformed, "{e:?}");
    }
    assert_eq!(error(&with(&[0x7F; 256], &[3])), Some(KeyError::RsaSize));
    let even = [&n[..n.len() - 1], &[2]].concat();
    assert_eq!(error(&with(&even, &[3])), malformed);
    assert_eq!(error(&with(&[&[0], &n[..]].concat(), &[3])), malformed);
    assert_eq!(error(&with(&[0xFF; 1025], &[3])), Some(KeyError::RsaSize));
    // 1 is a power of 65537 modulo every prime. So is a number that is 1 modulo the product of the primes.
    assert_eq!(error(&with(&roca_modulus(), &[1, 0, 1])), Some(KeyError::RsaRoca));
}

/// A modulus of about 2400 bits with the ROCA fingerprint: a multiple of the product of the primes, plus one.
fn roca_modulus() -> Vec<u8> {
    let primes = (2..=167_u32).filter(|n| (2..*n).all(|d| n % d != 0));
    let mut product = vec![1_u8];
    for prime in primes {
        let mut carry = 0;
        for digit in product.iter_mut().rev() {
            let value = u32::from(*digit) * prime + carry;
            *digit = value as u8;
            carry = value >> 8;
        }
        while carry > 0 {
            product.insert(0, carry as u8);
            carry >>= 8;
        }
    }
    // Multiply by a power of two for the size, and add one.
    product.resize(300, 0);
    product[299] = 1;
    product
}
