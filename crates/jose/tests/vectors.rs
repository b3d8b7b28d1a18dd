//! Published vectors: Wycheproof, RFC 7515, 7520, 7638, 7797 and 8037.

#![allow(clippy::unwrap_used, reason = "what a test can't prepare fails it")]

#[path = "support/keys.rs"]
mod keys;
mod support;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use counterfoil_jose::{
    Algorithm, Jwk, JwkSet, Jws, KeySet, Rejection, VerifyingKey, base64url, jws, unverified,
};
use serde::Deserialize;
use serde_json::Value;

use keys::signing_key;

/// A vector file. Read leniently: the files themselves are not on trial.
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

/// The keys that a configuration would make of a JWK: public ones through the front door; a secret,
/// which never comes as a JWK here, only if everything about it says HMAC signatures.
fn keys_of(jwk: &Value) -> Vec<VerifyingKey> {
    if jwk["kty"] != "oct" {
        let parsed = Jwk::deserialize(jwk).unwrap();
        return VerifyingKey::from_jwk(&parsed, None).into_iter().collect();
    }
    let algorithm = jwk["alg"].as_str().and_then(|alg| alg.parse::<Algorithm>().ok());
    let Some(algorithm) = algorithm.filter(|_| jwk.get("use").is_none_or(|use_| use_ == "sig")) else {
        return Vec::new();
    };
    VerifyingKey::from_secret(algorithm, text(jwk, "kid"), &lenient(text(jwk, "k"))).into_iter().collect()
}

/// A secret as a sloppy configuration would read it: one of the files has spare bits in a key, and
/// it is not the key that is on trial there.
fn lenient(secret: &str) -> Vec<u8> {
    let spare_bits = NO_PAD.with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&URL_SAFE, spare_bits).decode(secret).unwrap()
}

/// Whether a strict verifier with these keys accepts `token`, by both doors alike.
fn accepts(keys: &KeySet, token: &str) -> bool {
    let judged = Jws::parse(token).and_then(|jws| jws.danger_verify_any_typ(keys, &Algorithm::ALL));
    let typed = jws::verify(token, keys, &Algorithm::ALL, &["JWT"]);
    assert!(judged.is_ok() || typed.is_err(), "{token}");
    judged.is_ok()
}

/// What a file expects of a test, corrected by the list of its known defects. None: nothing.
fn expected(defects: &Value, file: &str, test: &Value) -> Option<bool> {
    match defects[file][test["tcId"].to_string()]["expect"].as_str() {
        Some("reject") => Some(false),
        Some("skip") => None,
        Some(other) => panic!("{other}"),
        None => Some(test["result"] == "valid"),
    }
}

/// Valid signatures that are refused by policy: of an empty payload, which no token of ours has, and those of a
/// secret of 32 zeros, which is no secret. What is odd about the tokens of that group is signed anew and tried in
/// `forms.rs`.
fn is_refused_by_policy(jwk: &Value, test: &Value) -> bool {
    let is_zero = jwk["k"].as_str().is_some_and(|secret| lenient(secret).iter().all(|&byte| byte == 0));
    test["comment"] == "emptyPayload" || is_zero
}

#[test]
fn wycheproof_json_web_signature() {
    let Some(folder) = support::vectors("wycheproof_json_web_signature") else { return };
    let defects = load(&folder, "wycheproof/KNOWN-DEFECTS.json");
    let (mut accepted, mut refused) = (0, 0);
    for group in groups(&folder, "json_web_signature_test") {
        let jwk = group.get("public").unwrap_or(&group["private"]);
        let keys = KeySet::new(keys_of(jwk)).unwrap();
        for test in tests(&group) {
            let Some(valid) = expected(&defects, "json_web_signature_test", test) else { continue };
            let known = jwk["alg"].as_str().is_some_and(|alg| alg.parse::<Algorithm>().is_ok());
            let accept = accepts(&keys, text(test, "jws"));
            assert_eq!(
                accept,
                valid && known && !is_refused_by_policy(jwk, test),
                "{} {}",
                test["tcId"],
                test["comment"]
            );
            if accept { accepted += 1 } else { refused += 1 }
        }
    }
    println!("wycheproof_json_web_signature: {accepted} accepted, {refused} refused");
    assert_eq!(accepted + refused, 399);
    assert!(accepted >= 29, "{accepted}");
}

#[test]
fn wycheproof_json_web_key() {
    let Some(folder) = support::vectors("wycheproof_json_web_key") else { return };
    let mut ran = 0;
    for group in groups(&folder, "json_web_key_test") {
        let symmetric = group.get("public").is_none();
        let shown = group.get("public").unwrap_or(&group["private"]);
        let keys = if symmetric {
            let keys = shown["keys"].as_array().unwrap();
            KeySet::new(keys.iter().flat_map(keys_of))
        } else {
            JwkSet::from_json(shown.to_string().as_bytes()).unwrap().key_set(None)
        };
        for test in tests(&group) {
            let accept = keys.as_ref().is_ok_and(|keys| accepts(keys, text(test, "jws")));
            // Sets of several shared secrets (1, 2, 4) are judged as their file says, too.
            assert_eq!(accept, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
            ran += 1;
        }
    }
    println!("wycheproof_json_web_key: {ran}");
    assert_eq!(ran, 26);
}

/// A token as it is sent: some of the file are JSON serializations.
fn in_one_line(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

#[test]
fn wycheproof_json_web_crypto() {
    let Some(folder) = support::vectors("wycheproof_json_web_crypto") else { return };
    let (mut signed, mut encrypted) = (0, 0);
    for group in groups(&folder, "json_web_crypto_test") {
        let shown = group.get("public").unwrap_or(&group["private"]);
        let several = shown["keys"].as_array().cloned().unwrap_or_else(|| vec![shown.clone()]);
        // A set of both families is none.
        let keys = KeySet::new(several.iter().flat_map(keys_of));
        for test in tests(&group) {
            if let Some(jwe) = test.get("jwe") {
                assert!(Jws::parse(&in_one_line(jwe)).is_err(), "{}", test["tcId"]);
                encrypted += 1;
                continue;
            }
            let token = in_one_line(&test["jws"]);
            let accept = keys.as_ref().is_ok_and(|keys| accepts(keys, &token));
            assert_eq!(accept, test["result"] == "valid", "{} {}", test["tcId"], test["comment"]);
            signed += 1;
        }
    }
    println!("wycheproof_json_web_crypto: {signed} signed, and {encrypted} encrypted, which are all refused");
    assert_eq!(signed + encrypted, 83);
}

fn public(jwk: &Value, algorithm: Algorithm) -> Option<VerifyingKey> {
    VerifyingKey::from_jwk(&Jwk::deserialize(jwk).ok()?, Some(algorithm)).ok()
}

#[test]
fn rfc_7515_examples() {
    let Some(folder) = support::vectors("rfc_7515_examples") else { return };
    let answers = load(&folder, "rfc-known-answers/known-answers.json");

    let a1 = &answers["rfc7515_A1_hs256"];
    let secret = base64url::decode(text(a1, "k")).unwrap();
    let shared = VerifyingKey::from_secret(Algorithm::Hs256, "a1", &secret).unwrap();
    let verified =
        jws::verify(text(a1, "jws"), &KeySet::new([shared]).unwrap(), &[Algorithm::Hs256], &["JWT"]);
    assert!(verified.unwrap().payload.starts_with(b"{\"iss\":\"joe\",\r\n"));

    let a3 = &answers["rfc7515_A3_es256"];
    let key = public(&a3["jwk_public"], Algorithm::Es256).unwrap();
    assert!(accepts(&KeySet::new([key]).unwrap(), text(a3, "jws")));
    println!("rfc_7515_examples: 2");
}

#[test]
fn rfc_7638_thumbprints() {
    let Some(folder) = support::vectors("rfc_7638_thumbprints") else { return };
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
fn rfc_8037_example_is_taken_under_its_old_name_only_where_that_is_listed() {
    let Some(folder) = support::vectors("rfc_8037_example") else { return };
    let example = load(&folder, "jose-cookbook/curve25519/jws.json");
    let token = text(&example["output"], "compact");
    let judge = |key: Algorithm, listed: &[Algorithm]| {
        let keys = KeySet::new(public(&example["input"]["key"], key)).unwrap();
        Jws::parse(token).unwrap().danger_verify_any_typ(&keys, listed)
    };

    assert!(judge(Algorithm::EdDsa, &[Algorithm::EdDsa]).unwrap().payload.starts_with(b"Example of"));
    let refused = judge(Algorithm::Ed25519, &[Algorithm::Ed25519]).unwrap_err();
    assert_eq!(refused, Rejection::AlgorithmNotAllowed);
    let refused = judge(Algorithm::Ed25519, &Algorithm::PUBLIC).unwrap_err();
    assert_eq!(refused, Rejection::AlgorithmMismatch);
    assert_eq!(unverified::peek(token).unwrap_err().code(), "token_bad_payload");
}

#[test]
fn rfc_7520_examples() {
    let Some(folder) = support::vectors("rfc_7520_examples") else { return };
    let (mut accepted, mut refused) = (0, 0);
    for (name, accept) in [
        ("4_1.rsa_v15_signature", true),
        ("4_2.rsa-pss_signature", true),
        ("4_3.ecdsa_signature", true),
        ("4_4.hmac-sha2_integrity_protection", true),
    ] {
        let example = load(&folder, &format!("jose-cookbook/jws/{name}.json"));
        let mut jwk = example["input"]["key"].clone();
        jwk["alg"] = example["input"]["alg"].clone();
        let keys = KeySet::new(keys_of(&jwk)).unwrap();
        assert_eq!(accepts(&keys, text(&example["output"], "compact")), accept, "{name}");
        for form in ["json", "json_flat"].iter().filter_map(|form| example["output"].get(form)) {
            assert_eq!(Jws::parse(&form.to_string()).unwrap_err(), Rejection::NotCompact, "{name}");
            refused += 1;
        }
        if accept { accepted += 1 } else { refused += 1 }
    }
    println!("rfc_7520_examples: {accepted} accepted, {refused} refused");
    assert_eq!(accepted, 4);
}

#[test]
fn rfc_7797_unencoded_payloads_are_refused() {
    let Some(folder) = support::vectors("rfc_7797_unencoded_payloads_are_refused") else { return };
    let refusals =
        [("4.2.hmac-sha2_b64_false", Rejection::Unencoded), ("hmac-sha2_b64_false", Rejection::Critical)];
    for (name, refusal) in refusals {
        let example = load(&folder, &format!("jose-cookbook/rfc7797/{name}.json"));
        let header = text(&example["output"]["json_flat"], "protected");
        let token = format!("{header}.{}.{}", base64url::encode("$.02"), text(&example["signing"], "sig"));
        assert_eq!(Jws::parse(&token).unwrap_err(), refusal, "{name}");
    }
}

#[test]
fn every_algorithm_signs_what_it_verifies() {
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
