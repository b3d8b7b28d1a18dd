//! What an access token has to say, and what it may not (RFC 9068, section 4).
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_issuer;

use std::time::Duration;

use serde_json::{Value, json};

use counterfoil_jose::{Algorithm, KeySet, Rejection, SigningKey, Time};
use counterfoil_verify::{
    AccessClaims, AuthError, CredentialKind, InvalidReason, Principal, TokenVerifier, VerifierBuildError,
};

use test_issuer::{ALICE, ISSUER, Mint, NOON, NOON_SECONDS, SESSION, SHOP, TOKEN, claims, with, without};

fn verify(claims: &Value) -> Result<Principal, AuthError> {
    let mint = Mint::new();
    mint.verifier().verify(&mint.sign(claims), NOON)
}

fn refused(claims: &Value) -> InvalidReason {
    match verify(claims) {
        Err(AuthError::InvalidCredential(reason)) => reason,
        other => panic!("{other:?} for {claims}"),
    }
}

#[test]
fn a_principal_is_what_the_token_says() {
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
fn the_type_of_the_token_is_at_jwt_whatever_its_case() {
    let mint = Mint::new();
    let verdict = |typ: &str| mint.verifier().verify(&mint.sign_as(typ, &claims()), NOON);

    for good in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(verdict(good).is_ok(), "{good}");
    }
    for bad in ["JWT", "at", "at+jwt2", "text/at+jwt", "application/application/at+jwt"] {
        let wrong = Err(AuthError::InvalidCredential(InvalidReason::Token(Rejection::WrongType)));
        assert_eq!(verdict(bad), wrong, "{bad}");
    }
}

/// The side of the matrix that lies here: no other kind of token of ours is an access token.
#[test]
fn no_other_kind_of_token_is_an_access_token() {
    let mint = Mint::new();
    let kinds = [
        "JWT",
        "logout+jwt",
        "statuslist+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
    ];
    let signed = kinds.map(|typ| mint.sign_as(typ, &claims()));
    let opaque = ["cfs", "cfr", "cfv", "cfa"].map(|kind| format!("{kind}_{SESSION}.{}", "A".repeat(43)));

    for token in signed.iter().chain(&opaque) {
        assert!(mint.verifier().verify(token, NOON).is_err(), "{token}");
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
        assert_eq!(refused(&with("iss", json!(other))), InvalidReason::WrongIssuer, "{other}");
    }
    assert_eq!(refused(&without("iss")), InvalidReason::MalformedClaims);
    assert_eq!(refused(&with("iss", json!([ISSUER]))), InvalidReason::MalformedClaims);
}

#[test]
fn a_key_of_another_issuer_signs_nothing_for_this_one() {
    let (ours, theirs) = (Mint::new(), Mint::new());

    let verdict = ours.verifier().verify(&theirs.sign(&claims()), NOON).unwrap_err();

    assert!(verdict.is_unknown_key());
}

#[test]
fn the_audience_holds_this_service_exactly() {
    for good in [json!(SHOP), json!([SHOP]), json!(["https://other.example", SHOP])] {
        assert!(verify(&with("aud", good)).is_ok());
    }
    for other in
        ["https://shop.example/", "https://shop.example.evil", "shop.example", "HTTPS://shop.example", ""]
    {
        assert_eq!(refused(&with("aud", json!(other))), InvalidReason::WrongAudience, "{other}");
        assert_eq!(refused(&with("aud", json!([other]))), InvalidReason::WrongAudience, "{other}");
    }
    for malformed in [json!([]), json!(null), json!(5), json!({ SHOP: 1 }), json!([SHOP, 5]), json!([[SHOP]])]
    {
        assert_eq!(refused(&with("aud", malformed)), InvalidReason::MalformedClaims);
    }
    assert_eq!(refused(&without("aud")), InvalidReason::MalformedClaims);
}

#[test]
fn a_service_may_have_several_names() {
    let mint = Mint::new();
    let verifier = TokenVerifier::builder(ISSUER, "https://elsewhere.example", &[Algorithm::Es256])
        .additional_audience(SHOP)
        .build(mint.keys())
        .unwrap();

    assert!(verifier.verify(&mint.sign(&claims()), NOON).is_ok());
    assert!(verifier.verify(&mint.sign(&with("aud", json!(ISSUER))), NOON).is_err());
}

/// What passes for a date elsewhere: as text, as a fraction, as nothing (CVE-2026-25537).
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
fn a_date_of_the_wrong_type_is_refused_and_never_taken_for_absent() {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in no_dates() {
            assert_eq!(
                refused(&with(name, value.clone())),
                InvalidReason::MalformedClaims,
                "{name}: {value}"
            );
        }
    }
}

#[test]
fn a_number_that_is_none_is_no_expiry() {
    let mint = Mint::new();
    for value in
        ["NaN", "Infinity", "-Infinity", "1e999", "01764000900", "0x10", "+1764000900", "1764000900."]
    {
        let text = claims()
            .to_string()
            .replace(&format!("\"exp\":{}", NOON_SECONDS + 900), &format!("\"exp\":{value}"));
        assert!(text.contains(value));
        let verdict = mint.verifier().verify(&mint.sign_text("at+jwt", &text), NOON);
        assert_eq!(verdict, Err(AuthError::InvalidCredential(InvalidReason::MalformedClaims)), "{value}");
    }
}

#[test]
fn what_a_token_of_ours_always_says_is_required() {
    for name in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "sid", "auth_time", "amr", "pos"] {
        assert_eq!(refused(&without(name)), InvalidReason::MalformedClaims, "{name}");
        assert_eq!(refused(&with(name, Value::Null)), InvalidReason::MalformedClaims, "{name}");
    }
    for name in ["scope", "roles", "acr", "nbf"] {
        assert_eq!(refused(&with(name, Value::Null)), InvalidReason::MalformedClaims, "{name}");
    }
}

#[test]
fn the_position_is_a_whole_number_and_ids_are_ids() {
    for value in [json!("7"), json!(7.0), json!(-1), json!(true), json!([7])] {
        assert_eq!(refused(&with("pos", value)), InvalidReason::MalformedClaims);
    }
    for name in ["jti", "sid"] {
        for value in [json!(""), json!("short"), json!(5), json!(format!("{SESSION}="))] {
            assert_eq!(refused(&with(name, value)), InvalidReason::MalformedClaims);
        }
    }
    assert_eq!(refused(&with("client_id", json!("a b"))), InvalidReason::MalformedClaims);
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let mint = Mint::new();
    for twice in [r#""sub":"admin","#, r#""exp":99999999999,"#, r#""s\u0075b":"admin","#, r#""x":1,"x":2,"#] {
        let text = claims().to_string().replacen('{', &format!("{{{twice}"), 1);
        let verdict = mint.verifier().verify(&mint.sign_text("at+jwt", &text), NOON);
        assert_eq!(verdict, Err(AuthError::InvalidCredential(InvalidReason::MalformedClaims)), "{twice}");
    }
}

#[test]
fn a_claim_that_is_not_ours_is_read_as_strictly() {
    let mint = Mint::new();
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    for value in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "1e999", deep.as_str()] {
        let text = claims().to_string().replacen('{', &format!("{{\"tenant\":{value},"), 1);
        let verdict = mint.verifier().verify(&mint.sign_text("at+jwt", &text), NOON);
        assert_eq!(verdict, Err(AuthError::InvalidCredential(InvalidReason::MalformedClaims)), "{value}");
    }
}

#[test]
fn a_configured_claim_never_stands_in_for_a_registered_one() {
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
fn claims_are_one_object_and_nothing_follows() {
    let mint = Mint::new();
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
        let verdict = mint.verifier().verify(&mint.sign_text("at+jwt", text), NOON);
        assert!(verdict.is_err(), "{text}");
    }
}

#[test]
fn a_token_is_good_until_its_expiry_and_the_leeway() {
    let mint = Mint::new();
    let token = mint.sign(&claims());
    let end = NOON + Duration::from_secs(900 + 60);

    assert!(mint.verifier().verify(&token, Time::from_unix_ms(end.unix_ms() - 1)).is_ok());
    assert_eq!(
        mint.verifier().verify(&token, end),
        Err(AuthError::InvalidCredential(InvalidReason::Expired))
    );
}

#[test]
fn a_token_is_good_from_its_not_before_less_the_leeway() {
    let later = with("nbf", json!(NOON_SECONDS + 61));
    let at_leeway = with("nbf", json!(NOON_SECONDS + 60));

    assert_eq!(refused(&later), InvalidReason::NotYetValid);
    assert!(verify(&at_leeway).is_ok());
}

#[test]
fn a_token_of_the_future_is_refused() {
    assert_eq!(refused(&with("iat", json!(NOON_SECONDS + 61))), InvalidReason::IssuedInFuture);
    assert!(verify(&with("iat", json!(NOON_SECONDS + 60))).is_ok());
}

#[test]
fn a_lifetime_that_the_issuer_does_not_grant_is_refused() {
    assert_eq!(refused(&with("exp", json!(NOON_SECONDS + 3601))), InvalidReason::LifetimeNotAllowed);
    assert_eq!(refused(&with("exp", json!((1_u64 << 53) - 1))), InvalidReason::LifetimeNotAllowed);
    // It ended before it began, and both lie within the leeway.
    assert_eq!(refused(&with("exp", json!(NOON_SECONDS - 1))), InvalidReason::LifetimeNotAllowed);
}

#[test]
fn a_verifier_that_could_not_judge_safely_is_not_built() {
    let mint = Mint::new();
    let build = |issuer, audience, algorithms: &[Algorithm]| {
        TokenVerifier::builder(issuer, audience, algorithms).build(mint.keys()).unwrap_err()
    };

    assert_eq!(build("", SHOP, &[Algorithm::Es256]), VerifierBuildError::Issuer);
    assert_eq!(build("https://auth.example/", SHOP, &[Algorithm::Es256]), VerifierBuildError::Issuer);
    assert_eq!(build(ISSUER, "", &[Algorithm::Es256]), VerifierBuildError::Audience);
    assert_eq!(build(ISSUER, SHOP, &[]), VerifierBuildError::Algorithms);
    assert_eq!(build(ISSUER, SHOP, &[Algorithm::Es256, Algorithm::Hs256]), VerifierBuildError::Algorithms);
}

#[test]
fn the_leeway_has_a_maximum() {
    let mint = Mint::new();
    let builder = || TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]);

    assert_eq!(
        builder().leeway(Duration::from_secs(61)).build(mint.keys()).unwrap_err(),
        VerifierBuildError::Leeway
    );
    let strict = builder().leeway(Duration::ZERO).build(mint.keys()).unwrap();
    let end = NOON + Duration::from_secs(900);
    assert_eq!(
        strict.verify(&mint.sign(&claims()), end),
        Err(AuthError::InvalidCredential(InvalidReason::Expired))
    );
}

#[test]
fn nothing_is_said_of_the_claims_of_a_token_whose_signature_is_bad() {
    let (ours, theirs) = (Mint::new(), Mint::new());
    let claims = with("iss", json!("https://evil.example"));
    let forged = theirs.sign(&claims);
    let (_, rest) = forged.split_once('.').unwrap();
    let good = ours.sign(&claims);
    let (header, _) = good.split_once('.').unwrap();

    // The header names our key, and every claim is wrong: only the signature is spoken of.
    let denied = ours.verifier().verify(&format!("{header}.{rest}"), NOON).unwrap_err();

    assert_eq!(denied, AuthError::InvalidCredential(InvalidReason::Token(Rejection::BadSignature)));
    assert!(!format!("{denied:?} {denied}").contains("evil"));
}

#[test]
fn an_algorithm_outside_the_list_is_refused_though_its_key_is_there() {
    let mint = Mint::with(Algorithm::Ed25519);
    let verifier = TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]).build(mint.keys()).unwrap();

    let denied = verifier.verify(&mint.sign(&claims()), NOON).unwrap_err();

    assert_eq!(denied, AuthError::InvalidCredential(InvalidReason::Token(Rejection::AlgorithmNotAllowed)));
}

#[test]
fn every_algorithm_carries_a_token() {
    for algorithm in Algorithm::ALL {
        let mint = Mint::with(algorithm);
        assert!(mint.verifier().verify(&mint.sign(&claims()), NOON).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_not_taken_without_the_proof() {
    assert_eq!(refused(&with("cnf", json!({"jkt": "x"}))), InvalidReason::MalformedClaims);
}

#[test]
fn a_removed_key_verifies_nothing_any_more() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let token = mint.sign(&claims());
    assert!(verifier.verify(&token, NOON).is_ok());

    let next = SigningKey::generate(Algorithm::Es256).unwrap();
    verifier.set_keys(KeySet::new([next.verifying_key()]).unwrap());

    assert!(verifier.verify(&token, NOON).unwrap_err().is_unknown_key());
}
