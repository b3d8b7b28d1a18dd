//! Which claims an access token must and must not have (RFC 9068, section 4).
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::time::Duration;

use serde_json::{Value, json};

use counterfoil_jose::{Algorithm, JwsError, KeySet, SigningKey, Time};
use counterfoil_verify::{
    AccessClaims, AuthError, CredentialKind, InvalidReason, Principal, TokenVerifier, VerifierBuildError,
};

use test_signer::{
    ALICE, ISSUER, NOON, NOON_SECONDS, SESSION, SHOP, TOKEN, TestSigner, claims, with, without,
};

fn verify(claims: &Value) -> Result<Principal, AuthError> {
    let signer = TestSigner::new();
    signer.verifier().verify(&signer.sign(claims), NOON)
}

fn rejection_reason(claims: &Value) -> InvalidReason {
    match verify(claims) {
        Err(AuthError::InvalidCredential(reason)) => reason,
        other => panic!("{other:?} for {claims}"),
    }
}

#[test]
fn a_principal_has_the_claims_of_the_token() {
    let principal = verify(&with("tenant", json!({"id": 5}))).unwrap();

    assert_eq!(principal.user_id(), Some(ALICE));
    assert_eq!(principal.subject(), ALICE.to_string());
    assert_eq!(principal.session_id(), Some(SESSION));
    assert_eq!(principal.token_id(), Some(TOKEN));
    assert_eq!(principal.client_id().unwrap().as_str(), "shop");
    assert_eq!(principal.scopes().collect::<Vec<_>>(), ["orders:read", "orders:write"]);
    assert!(principal.has_scope("orders:read") && !principal.has_scope("orders"));
    assert!(principal.has_role("clerk") && !principal.has_role("Clerk"));
    assert_eq!(principal.amr(), ["pwd"]);
    assert_eq!(principal.authenticated_at(), Some(NOON));
    assert_eq!(principal.expires_at(), NOON + Duration::from_secs(900));
    assert_eq!(principal.audiences(), [SHOP]);
    assert_eq!(principal.credential_kind(), CredentialKind::AccessToken);
    assert_eq!(principal.claim("tenant"), Some(&json!({"id": 5})));
    assert_eq!(principal.claim("sub"), None);
}

#[test]
fn the_typ_must_be_at_jwt_in_any_case() {
    let signer = TestSigner::new();
    let result = |typ: &str| signer.verifier().verify(&signer.sign_as(typ, &claims()), NOON);

    for good in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(result(good).is_ok(), "{good}");
    }
    for bad in ["JWT", "at", "at+jwt2", "text/at+jwt", "application/application/at+jwt"] {
        let wrong = Err(AuthError::InvalidCredential(InvalidReason::Token(JwsError::WrongTyp)));
        assert_eq!(result(bad), wrong, "{bad}");
    }
}

/// Token types that must not be confused: no other kind of token is accepted as an access token.
#[test]
fn other_kinds_of_token_are_rejected() {
    let signer = TestSigner::new();
    let kinds = [
        "JWT",
        "logout+jwt",
        "statuslist+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
    ];
    let signed = kinds.map(|typ| signer.sign_as(typ, &claims()));
    let opaque = ["cfs", "cfr", "cfv", "cfa"].map(|kind| format!("{kind}_{SESSION}.{}", "A".repeat(43)));

    for token in signed.iter().chain(&opaque) {
        assert!(signer.verifier().verify(token, NOON).is_err(), "{token}");
    }
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for other in [
        "https://auth.example/",
        "https://AUTH.example",
        "https://auth.example:443",
        "http://auth.example",
        "https://auth.example.evil",
        " https://auth.example",
        "https://auth.exampl\u{435}",
        "",
    ] {
        assert_eq!(rejection_reason(&with("iss", json!(other))), InvalidReason::WrongIssuer, "{other}");
    }
    assert_eq!(rejection_reason(&without("iss")), InvalidReason::MalformedClaims);
    assert_eq!(rejection_reason(&with("iss", json!([ISSUER]))), InvalidReason::MalformedClaims);
}

#[test]
fn a_key_of_another_issuer_is_unknown() {
    let (ours, theirs) = (TestSigner::new(), TestSigner::new());

    let result = ours.verifier().verify(&theirs.sign(&claims()), NOON).unwrap_err();

    assert!(result.is_unknown_key());
}

#[test]
fn the_audience_must_contain_this_service_exactly() {
    for good in [json!(SHOP), json!([SHOP]), json!(["https://other.example", SHOP])] {
        assert!(verify(&with("aud", good)).is_ok());
    }
    for other in
        ["https://shop.example/", "https://shop.example.evil", "shop.example", "HTTPS://shop.example", ""]
    {
        assert_eq!(rejection_reason(&with("aud", json!(other))), InvalidReason::WrongAudience, "{other}");
        assert_eq!(rejection_reason(&with("aud", json!([other]))), InvalidReason::WrongAudience, "{other}");
    }
    for malformed in [json!([]), json!(null), json!(5), json!({ SHOP: 1 }), json!([SHOP, 5]), json!([[SHOP]])]
    {
        assert_eq!(rejection_reason(&with("aud", malformed)), InvalidReason::MalformedClaims);
    }
    assert_eq!(rejection_reason(&without("aud")), InvalidReason::MalformedClaims);
}

#[test]
fn a_verifier_may_accept_several_audiences() {
    let signer = TestSigner::new();
    let verifier = TokenVerifier::builder(ISSUER, "https://elsewhere.example", &[Algorithm::Es256])
        .additional_audience(SHOP)
        .build(signer.keys())
        .unwrap();

    assert!(verifier.verify(&signer.sign(&claims()), NOON).is_ok());
    assert!(verifier.verify(&signer.sign(&with("aud", json!(ISSUER))), NOON).is_err());
}

/// Values that other libraries accepted as dates: strings, fractions, null (CVE-2026-25537).
fn no_dates() -> Vec<Value> {
    let texts =
        ["null", "true", "false", "\"99999999999\"", "\"\"", "\"x\"", "1764000900.0", "1764000900.5", "1e10"];
    let more = [
        "-1",
        "-1764000900",
        "[1764000900]",
        "{}",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
    ];
    texts.iter().chain(&more).map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[test]
fn a_date_of_the_wrong_type_is_rejected_and_not_treated_as_absent() {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in no_dates() {
            assert_eq!(
                rejection_reason(&with(name, value.clone())),
                InvalidReason::MalformedClaims,
                "{name}: {value}"
            );
        }
    }
}

#[test]
fn an_invalid_number_is_not_an_expiry() {
    let signer = TestSigner::new();
    for value in
        ["NaN", "Infinity", "-Infinity", "1e999", "01764000900", "0x10", "+1764000900", "1764000900."]
    {
        let text = claims()
            .to_string()
            .replace(&format!("\"exp\":{}", NOON_SECONDS + 900), &format!("\"exp\":{value}"));
        assert!(text.contains(value));
        let result = signer.verifier().verify(&signer.sign_text("at+jwt", &text), NOON);
        assert_eq!(result, Err(AuthError::InvalidCredential(InvalidReason::MalformedClaims)), "{value}");
    }
}

#[test]
fn every_claim_that_the_issuer_writes_is_required() {
    for name in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "sid", "auth_time", "amr", "pos"] {
        assert_eq!(rejection_reason(&without(name)), InvalidReason::MalformedClaims, "{name}");
        assert_eq!(rejection_reason(&with(name, Value::Null)), InvalidReason::MalformedClaims, "{name}");
    }
    for name in ["scope", "roles", "acr", "nbf"] {
        assert_eq!(rejection_reason(&with(name, Value::Null)), InvalidReason::MalformedClaims, "{name}");
    }
}

#[test]
fn the_position_must_be_a_whole_number_and_ids_must_be_valid() {
    for value in [json!("7"), json!(7.0), json!(-1), json!(true), json!([7])] {
        assert_eq!(rejection_reason(&with("pos", value)), InvalidReason::MalformedClaims);
    }
    for name in ["jti", "sid"] {
        for value in [json!(""), json!("short"), json!(5), json!(format!("{SESSION}="))] {
            assert_eq!(rejection_reason(&with(name, value)), InvalidReason::MalformedClaims);
        }
    }
    assert_eq!(rejection_reason(&with("client_id", json!("a b"))), InvalidReason::MalformedClaims);
}

#[test]
fn a_duplicate_claim_is_rejected() {
    let signer = TestSigner::new();
    for twice in [r#""sub":"admin","#, r#""exp":99999999999,"#, r#""s\u0075b":"admin","#, r#""x":1,"x":2,"#] {
        let text = claims().to_string().replacen('{', &format!("{{{twice}"), 1);
        let result = signer.verifier().verify(&signer.sign_text("at+jwt", &text), NOON);
        assert_eq!(result, Err(AuthError::InvalidCredential(InvalidReason::MalformedClaims)), "{twice}");
    }
}

#[test]
fn custom_claims_are_parsed_strictly() {
    let signer = TestSigner::new();
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    for value in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "1e999", deep.as_str()] {
        let text = claims().to_string().replacen('{', &format!("{{\"tenant\":{value},"), 1);
        let result = signer.verifier().verify(&signer.sign_text("at+jwt", &text), NOON);
        assert_eq!(result, Err(AuthError::InvalidCredential(InvalidReason::MalformedClaims)), "{value}");
    }
}

#[test]
fn a_custom_claim_never_replaces_a_registered_one() {
    let mut minted = AccessClaims::from_json(without("scope").to_string().as_bytes()).unwrap();
    for name in ["sub", "exp", "pos", "scope", "nbf", "acr", "status", "cnf"] {
        minted.extra.insert(name.to_owned(), json!("admin"));
    }
    minted.extra.insert("tenant".to_owned(), json!("blue"));

    let written: Value = serde_json::from_slice(&minted.to_json()).unwrap();

    let mut expected = without("scope");
    expected["tenant"] = json!("blue");
    assert_eq!(written, expected);
    let text = String::from_utf8(minted.to_json()).unwrap();
    assert!(!text.contains("admin") && text.matches("\"sub\"").count() == 1);
}

#[test]
fn claims_must_be_one_object_without_trailing_data() {
    let signer = TestSigner::new();
    let list = json!([ISSUER, SHOP]).to_string();
    let texts = [
        list.as_str(),
        "null",
        "5",
        "\"x\"",
        "",
        "{",
        &format!("{} {{}}", claims()),
        &format!("\u{feff}{}", claims()),
    ];
    for text in texts {
        let result = signer.verifier().verify(&signer.sign_text("at+jwt", text), NOON);
        assert!(result.is_err(), "{text}");
    }
}

#[test]
fn a_token_is_valid_until_its_expiry_plus_the_leeway() {
    let signer = TestSigner::new();
    let token = signer.sign(&claims());
    let end = NOON + Duration::from_secs(900 + 60);

    assert!(signer.verifier().verify(&token, Time::from_unix_ms(end.unix_ms() - 1)).is_ok());
    assert_eq!(
        signer.verifier().verify(&token, end),
        Err(AuthError::InvalidCredential(InvalidReason::Expired))
    );
}

#[test]
fn a_token_is_valid_from_its_not_before_minus_the_leeway() {
    let later = with("nbf", json!(NOON_SECONDS + 61));
    let at_leeway = with("nbf", json!(NOON_SECONDS + 60));

    assert_eq!(rejection_reason(&later), InvalidReason::NotYetValid);
    assert!(verify(&at_leeway).is_ok());
}

#[test]
fn a_token_issued_in_the_future_is_rejected() {
    assert_eq!(rejection_reason(&with("iat", json!(NOON_SECONDS + 61))), InvalidReason::IssuedInFuture);
    assert!(verify(&with("iat", json!(NOON_SECONDS + 60))).is_ok());
}

#[test]
fn a_lifetime_above_the_maximum_is_rejected() {
    assert_eq!(rejection_reason(&with("exp", json!(NOON_SECONDS + 3601))), InvalidReason::LifetimeNotAllowed);
    assert_eq!(rejection_reason(&with("exp", json!((1_u64 << 53) - 1))), InvalidReason::LifetimeNotAllowed);
    // `exp` is before `iat`, and both are within the leeway.
    assert_eq!(rejection_reason(&with("exp", json!(NOON_SECONDS - 1))), InvalidReason::LifetimeNotAllowed);
}

#[test]
fn unsafe_settings_are_refused() {
    let signer = TestSigner::new();
    let build = |issuer, audience, algorithms: &[Algorithm]| {
        TokenVerifier::builder(issuer, audience, algorithms).build(signer.keys()).unwrap_err()
    };

    assert_eq!(build("", SHOP, &[Algorithm::Es256]), VerifierBuildError::Issuer);
    assert_eq!(build("https://auth.example/", SHOP, &[Algorithm::Es256]), VerifierBuildError::Issuer);
    assert_eq!(build(ISSUER, "", &[Algorithm::Es256]), VerifierBuildError::Audience);
    assert_eq!(build(ISSUER, SHOP, &[]), VerifierBuildError::Algorithms);
    assert_eq!(build(ISSUER, SHOP, &[Algorithm::Es256, Algorithm::Hs256]), VerifierBuildError::Algorithms);
}

#[test]
fn the_leeway_has_a_maximum() {
    let signer = TestSigner::new();
    let builder = || TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]);

    assert_eq!(
        builder().leeway(Duration::from_secs(61)).build(signer.keys()).unwrap_err(),
        VerifierBuildError::Leeway
    );
    let strict = builder().leeway(Duration::ZERO).build(signer.keys()).unwrap();
    let end = NOON + Duration::from_secs(900);
    assert_eq!(
        strict.verify(&signer.sign(&claims()), end),
        Err(AuthError::InvalidCredential(InvalidReason::Expired))
    );
}

#[test]
fn a_bad_signature_reveals_nothing_about_the_claims() {
    let (ours, theirs) = (TestSigner::new(), TestSigner::new());
    let claims = with("iss", json!("https://evil.example"));
    let forged = theirs.sign(&claims);
    let (_, rest) = forged.split_once('.').unwrap();
    let good = ours.sign(&claims);
    let (header, _) = good.split_once('.').unwrap();

    // The header names the known key, and every claim is wrong: only the signature is reported.
    let error = ours.verifier().verify(&format!("{header}.{rest}"), NOON).unwrap_err();

    assert_eq!(error, AuthError::InvalidCredential(InvalidReason::Token(JwsError::BadSignature)));
    assert!(!format!("{error:?} {error}").contains("evil"));
}

#[test]
fn an_algorithm_that_is_not_allowed_is_rejected_despite_a_known_key() {
    let signer = TestSigner::with(Algorithm::Ed25519);
    let verifier = TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]).build(signer.keys()).unwrap();

    let error = verifier.verify(&signer.sign(&claims()), NOON).unwrap_err();

    assert_eq!(error, AuthError::InvalidCredential(InvalidReason::Token(JwsError::AlgorithmNotAllowed)));
}

#[test]
fn every_algorithm_can_verify_a_token() {
    for algorithm in Algorithm::ALL {
        let signer = TestSigner::with(algorithm);
        assert!(signer.verifier().verify(&signer.sign(&claims()), NOON).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn a_sender_constrained_token_is_rejected() {
    assert_eq!(rejection_reason(&with("cnf", json!({"jkt": "x"}))), InvalidReason::MalformedClaims);
}

#[test]
fn a_removed_key_verifies_no_tokens() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let token = signer.sign(&claims());
    assert!(verifier.verify(&token, NOON).is_ok());

    let next = SigningKey::generate(Algorithm::Es256).unwrap();
    verifier.set_keys(KeySet::new([next.verifying_key()]).unwrap());

    assert!(verifier.verify(&token, NOON).unwrap_err().is_unknown_key());
}
