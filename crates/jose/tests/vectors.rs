//! Published test vectors: Wycheproof, RFC 7515, 7520, 7638, 7797 and 8037.

#![allow(clippy::unwrap_used, reason = "a failed setup fails the test")]

#[path = "support/keys.rs"]
mod keys;
mod support;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use counterfoil_jose::{
    Algorithm, Jwk, JwkSet, Jws, JwsError, KeySet, VerifyingKey, base64url, jws, unverified,
};
use serde::Deserialize;
use serde_json::Value;

use keys::signing_key;

/// Parses a vector file with serde_json: the files need not be strict JSON.
fn load(folder: &Path, name: &str) -> Value {
    let text = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} in {value}"))
}

/// The groups of a Wycheproof file, each with its tests.
fn groups(folder: &Path, name: &str) -> Vec<Value> {
    load(folder, &format!("wycheproof/{name}.json"))["testGroups"].as_array().unwrap().clone()
}

fn tests(group: &Value) -> &[Value] {
    group["tests"].as_array().unwrap()
}

/// The keys in a JWK. A public key is parsed as a JWK. The API accepts no shared secret as a JWK, so it is
/// used only if `alg` and `use` name HMAC signatures.
fn keys_from(jwk: &Value) -> Vec<VerifyingKey> {
    if jwk["kty"] != "oct" {
        let parsed = Jwk::deserialize(jwk).unwrap();
        return VerifyingKey::from_jwk(&parsed, None).into_iter().collect();
    }
    let algorithm = jwk["alg"].as_str().and_then(|alg| alg.parse::<Algorithm>().ok());
    let Some(algorithm) = algorithm.filter(|_| jwk.get("use").is_none_or(|use_| use_ == "sig")) else {
        return Vec::new();
    };
    VerifyingKey::from_secret(algorithm, text(jwk, "kid"), &decode_leniently(text(jwk, "k")))
        .into_iter()
        .collect()
}

/// Decodes a secret without a check of unused bits: one file has such a key, and does not test its encoding.
fn decode_leniently(secret: &str) -> Vec<u8> {
    let config = NO_PAD.with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&URL_SAFE, config).decode(secret).unwrap()
}

/// Whether a verifier with these keys accepts `token` without regard to `typ`.
fn accepts(keys: &KeySet, token: &str) -> bool {
    let result = Jws::parse(token).and_then(|jws| jws.danger_verify_any_typ(keys, &Algorithm::ALL));
    let typed = jws::verify(token, keys, &Algorithm::ALL, &["JWT"]);
    assert!(result.is_ok() || typed.is_err(), "{token}");
    result.is_ok()
}

/// The expected result of a test, corrected by the list of known defects; `None` if the test is skipped.
fn expected(defects: &Value, file: &str, test: &Value) -> Option<bool> {
    match defects[file][test["tcId"].to_string()]["expect"].as_str() {
        Some("reject") => Some(false),
        Some("skip") => None,
        Some(other) => panic!("{other}"),
        None => Some(test["result"] == "valid"),
    }
}

/// Whether a valid signature is rejected on purpose: the payload is empty.
fn is_rejected_by_policy(test: &Value) -> bool {
    test["comment"] == "emptyPayload"
}

#[test]
fn wycheproof_json_web_signature() {
    let Some(folder) = support::vectors() else { return };
    let defects = load(&folder, "wycheproof/KNOWN-DEFECTS.json");
    let (mut accepted, mut rejected) = (0, 0);
    for group in groups(&folder, "json_web_signature_test") {
        let jwk = group.get("public").unwrap_or(&group["private"]);
        let keys = KeySet::new(keys_from(jwk)).unwrap();
        for test in tests(&group) {
            let Some(valid) = expected(&defects, "json_web_signature_test", test) else { continue };
            let is_supported = jwk["alg"].as_str().is_some_and(|alg| alg.parse::<Algorithm>().is_ok());
            let accept = accepts(&keys, text(test, "jws"));
            assert_eq!(
                accept,
                valid && is_supported && !is_rejected_by_policy(test),
                "{} {}",
                test["tcId"],
                test["comment"]
            );
            if accept { accepted += 1 } else { rejected += 1 }
        }
    }
    println!("wycheproof_json_web_signature: {accepted} accepted, {rejected} rejected");
    assert_eq!(accepted + rejected, 399);
    assert!(accepted >= 29, "{accepted}");
}

#[test]
fn wycheproof_json_web_key() {
    let Some(folder) = support::vectors() else { return };
    let mut ran = 0;
    for group in groups(&folder, "json_web_key_test") {
        let is_symmetric = group.get("public").is_none();
        let jwks = group.get("public").unwrap_or(&group["private"]);
        let keys = if is_symmetric {
            let keys = jwks["keys"].as_array().unwrap();
            KeySet::new(keys.iter().flat_map(keys_from))
        } else {
            Ok(JwkSet::from_json(jwks.to_string().as_bytes()).unwrap().to_key_set(&Algorithm::ASYMMETRIC))
        };
        for test in tests(&group) {
            let accept = keys.as_ref().is_ok_and(|keys| accepts(keys, text(test, "jws")));
            // The tests with several shared secrets (1, 2, 4) have the result of the file, too.
            assert_eq!(accept, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
            ran += 1;
        }
    }
    println!("wycheproof_json_web_key: {ran}");
    assert_eq!(ran, 26);
}

/// The text of a token, which may be a JSON serialization.
fn token_text(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

#[test]
fn wycheproof_json_web_crypto() {
    let Some(folder) = support::vectors() else { return };
    let (mut signed, mut encrypted) = (0, 0);
    for group in groups(&folder, "json_web_crypto_test") {
        let jwks = group.get("public").unwrap_or(&group["private"]);
        let all_jwks = jwks["keys"].as_array().cloned().unwrap_or_else(|| vec![jwks.clone()]);
        // A set with both public keys and shared secrets is rejected.
        let keys = KeySet::new(all_jwks.iter().flat_map(keys_from));
        for test in tests(&group) {
            if let Some(jwe) = test.get("jwe") {
                assert!(Jws::parse(&token_text(jwe)).is_err(), "{}", test["tcId"]);
                encrypted += 1;
                continue;
            }
            let token = token_text(&test["jws"]);
            let accept = keys.as_ref().is_ok_and(|keys| accepts(keys, &token));
            assert_eq!(accept, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
            signed += 1;
        }
    }
    println!(
        "wycheproof_json_web_crypto: {signed} signed, and {encrypted} encrypted, which are all rejected"
    );
    assert_eq!(signed + encrypted, 83);
}

fn public_key(jwk: &Value, algorithm: Algorithm) -> Option<VerifyingKey> {
    VerifyingKey::from_jwk(&Jwk::deserialize(jwk).ok()?, Some(algorithm)).ok()
}

#[test]
fn rfc_7515_examples() {
    let Some(folder) = support::vectors() else { return };
    let answers = load(&folder, "rfc-known-answers/known-answers.json");

    let a1 = &answers["rfc7515_A1_hs256"];
    let secret = base64url::decode(text(a1, "k")).unwrap();
    let shared = VerifyingKey::from_secret(Algorithm::Hs256, "a1", &secret).unwrap();
    let verified =
        jws::verify(text(a1, "jws"), &KeySet::new([shared]).unwrap(), &[Algorithm::Hs256], &["JWT"]);
    assert!(verified.unwrap().payload.starts_with(b"{\"iss\":\"joe\",\r\n"));

    let a3 = &answers["rfc7515_A3_es256"];
    let key = public_key(&a3["jwk_public"], Algorithm::Es256).unwrap();
    assert!(accepts(&KeySet::new([key]).unwrap(), text(a3, "jws")));
    println!("rfc_7515_examples: 2");
}

#[test]
fn rfc_7638_thumbprints() {
    let Some(folder) = support::vectors() else { return };
    let answers = load(&folder, "rfc-known-answers/known-answers.json");
    let cases = answers["rfc7638_thumbprints"].as_array().unwrap();
    for case in cases {
        let jwk = Jwk::deserialize(&case["jwk"]).unwrap();
        assert_eq!(jwk.thumbprint().unwrap(), text(case, "sha256"), "{}", case["from"]);
    }
    println!("rfc_7638_thumbprints: {}", cases.len());
    assert_eq!(cases.len(), 3);
}

#[test]
fn rfc_8037_example_is_accepted_only_if_eddsa_is_listed() {
    let Some(folder) = support::vectors() else {
        return;
    };
    let example = load(&folder, "jose-cookbook/curve25519/jws.json");
    let token = text(&example["output"], "compact");
    let verify = |key: Algorithm, listed: &[Algorithm]| {
        let keys = KeySet::new(public_key(&example["input"]["key"], key)).unwrap();
        Jws::parse(token).unwrap().danger_verify_any_typ(&keys, listed)
    };

    assert!(verify(Algorithm::EdDsa, &[Algorithm::EdDsa]).unwrap().payload.starts_with(b"Example of"));
    let error = verify(Algorithm::Ed25519, &[Algorithm::Ed25519]).unwrap_err();
    assert_eq!(error, JwsError::AlgorithmNotAllowed);
    let error = verify(Algorithm::Ed25519, &Algorithm::ASYMMETRIC).unwrap_err();
    assert_eq!(error, JwsError::AlgorithmMismatch);
    assert_eq!(unverified::decode(token).unwrap_err().code(), "token_bad_payload");
}

#[test]
fn rfc_7520_examples() {
    let Some(folder) = support::vectors() else { return };
    let (mut accepted, mut rejected) = (0, 0);
    for (name, accept) in [
        ("4_1.rsa_v15_signature", true),
        ("4_2.rsa-pss_signature", true),
        ("4_3.ecdsa_signature", true),
        ("4_4.hmac-sha2_integrity_protection", true),
    ] {
        let example = load(&folder, &format!("jose-cookbook/jws/{name}.json"));
        let mut jwk = example["input"]["key"].clone();
        jwk["alg"] = example["input"]["alg"].clone();
        let keys = KeySet::new(keys_from(&jwk)).unwrap();
        assert_eq!(accepts(&keys, text(&example["output"], "compact")), accept, "{name}");
        for form in ["json", "json_flat"].iter().filter_map(|form| example["output"].get(form)) {
            assert_eq!(Jws::parse(&form.to_string()).unwrap_err(), JwsError::NotCompact, "{name}");
            rejected += 1;
        }
        if accept { accepted += 1 } else { rejected += 1 }
    }
    println!("rfc_7520_examples: {accepted} accepted, {rejected} rejected");
    assert_eq!(accepted, 4);
}

#[test]
fn rfc_7797_unencoded_payloads_are_rejected() {
    let Some(folder) = support::vectors() else { return };
    let errors = [
        ("4.2.hmac-sha2_b64_false", JwsError::UnsupportedB64),
        ("hmac-sha2_b64_false", JwsError::UnsupportedCrit),
    ];
    for (name, error) in errors {
        let example = load(&folder, &format!("jose-cookbook/rfc7797/{name}.json"));
        let header = text(&example["output"]["json_flat"], "protected");
        let token = format!("{header}.{}.{}", base64url::encode("$.02"), text(&example["signing"], "sig"));
        assert_eq!(Jws::parse(&token).unwrap_err(), error, "{name}");
    }
}

#[test]
fn every_algorithm_verifies_its_own_signatures() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        let keys = KeySet::new([key.verifying_key()]).unwrap();
        let token = key.sign("at+jwt", b"{\"sub\":\"alice\"}").unwrap();
        for _ in 0..2 {
            let verified = jws::verify(&token, &keys, &[algorithm], &["at+jwt"]).unwrap();
            assert_eq!(verified.payload, b"{\"sub\":\"alice\"}");
            assert_eq!((verified.alg, &*verified.kid), (algorithm, key.kid()));
        }
    }
}
