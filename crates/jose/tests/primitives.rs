//! The primitives of every algorithm, by Wycheproof's vectors: each key comes in by the door that a user has.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

mod support;

use std::fs;
use std::path::Path;

use counterfoil_jose::{Algorithm, HmacKey, VerifyingKey};
use serde_json::Value;

/// The groups of a file, each with its tests.
fn groups(folder: &Path, name: &str) -> Vec<Value> {
    let text = fs::read(folder.join(format!("wycheproof/{name}.json"))).unwrap();
    let file: Value = serde_json::from_slice(&text).unwrap();
    file["testGroups"].as_array().unwrap().clone()
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

/// Runs the tests of a signature. The key is read as DER and, where the file has it, as PEM; one that we refuse
/// vouches for nothing. Returns how many signatures were accepted and refused.
fn run(folder: &Path, name: &str, algorithm: Algorithm) -> (usize, usize) {
    let (mut accepted, mut refused) = (0, 0);
    for group in groups(folder, name) {
        let der = bytes(&group, "publicKeyDer");
        let key = der.and_then(|der| VerifyingKey::from_spki(algorithm, &der).ok());
        if let (Some(key), Some(pem)) = (&key, group["publicKeyPem"].as_str()) {
            assert_eq!(VerifyingKey::from_pem(algorithm, pem).unwrap().kid(), key.kid(), "{name}");
        }
        for test in tests(&group) {
            // Signatures for a context are not those of RFC 9964, section 4, which has none.
            let has_context = test["ctx"].as_str().is_some_and(|context| !context.is_empty());
            let (message, signature) = (bytes(test, "msg").unwrap(), bytes(test, "sig").unwrap());
            let accept = key.as_ref().is_some_and(|key| key.is_signed(&message, &signature));
            let wanted = test["result"] == "valid" && !has_context;
            // "Acceptable" is up to us: either answer is right.
            assert!(
                accept == wanted || test["result"] == "acceptable",
                "{name} {} {}",
                test["tcId"],
                test["comment"]
            );
            if accept { accepted += 1 } else { refused += 1 }
        }
    }
    println!("{name} as {algorithm}: {accepted} accepted, {refused} refused");
    (accepted, refused)
}

/// Runs a file and holds it to how many signatures it has.
#[track_caller]
fn judge(name: &str, algorithm: Algorithm, count: usize) {
    let Some(folder) = support::vectors(name) else { return };
    let (accepted, refused) = run(&folder, name, algorithm);
    assert_eq!(accepted + refused, count);
    assert!(accepted > 0 && refused > 0);
}

#[test]
fn wycheproof_ecdsa_p256_p1363() {
    judge("ecdsa_secp256r1_sha256_p1363_test", Algorithm::Es256, 262);
}

#[test]
fn wycheproof_ecdsa_p384_p1363() {
    judge("ecdsa_secp384r1_sha384_p1363_test", Algorithm::Es384, 280);
}

#[test]
fn wycheproof_ecdsa_p521_p1363() {
    judge("ecdsa_secp521r1_sha512_p1363_test", Algorithm::Es512, 318);
}

#[test]
fn wycheproof_ed25519_by_both_of_its_names() {
    judge("ed25519_test", Algorithm::Ed25519, 151);
    judge("ed25519_test", Algorithm::EdDsa, 151);
}

#[test]
fn wycheproof_rsa_pkcs1() {
    judge("rsa_signature_2048_sha256_test", Algorithm::Rs256, 259);
    judge("rsa_signature_3072_sha384_test", Algorithm::Rs384, 259);
    judge("rsa_signature_4096_sha512_test", Algorithm::Rs512, 259);
}

#[test]
fn wycheproof_rsa_pss() {
    judge("rsa_pss_2048_sha256_mgf1_32_test", Algorithm::Ps256, 108);
    judge("rsa_pss_4096_sha512_mgf1_64_test", Algorithm::Ps512, 179);
}

#[test]
fn wycheproof_ml_dsa_65() {
    judge("mldsa_65_verify_test", Algorithm::MlDsa65, 210);
}

#[test]
fn wycheproof_hmac() {
    let Some(folder) = support::vectors("wycheproof_hmac") else { return };
    for (algorithm, name, size) in [
        (Algorithm::Hs256, "hmac_sha256_test", 256),
        (Algorithm::Hs384, "hmac_sha384_test", 384),
        (Algorithm::Hs512, "hmac_sha512_test", 512),
    ] {
        let (mut ran, mut weak) = (0, 0);
        for group in groups(&folder, name) {
            for test in tests(&group) {
                let (secret, message, tag) = ("key", "msg", "tag");
                let [secret, message, tag] =
                    [secret, message, tag].map(|member| bytes(test, member).unwrap());
                // A tag that was cut short is no tag here, valid elsewhere or not.
                let wanted = test["result"] == "valid" && group["tagSize"] == size;
                if algorithm == Algorithm::Hs256 {
                    assert_eq!(HmacKey::new(&secret).verify(&[&message], &tag), wanted, "{}", test["tcId"]);
                }
                let Ok(key) = VerifyingKey::from_secret(algorithm, "k", &secret) else {
                    weak += 1;
                    continue;
                };
                assert_eq!(key.is_signed(&message, &tag), wanted, "{name} {}", test["tcId"]);
                ran += 1;
            }
        }
        println!("{name}: {ran}, and {weak} under keys that are refused");
        assert_eq!(ran + weak, 174);
        assert!(ran >= 20, "{ran}");
    }
}
