//! Tokens that were verified before: a hit saves the signature, and nothing else.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_issuer;

use std::time::Duration;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;
use serde_json::json;

use counterfoil_jose::{Algorithm, Time};
use counterfoil_verify::{
    AuthError, InvalidReason, RevocationEntry, RevocationPosition, RevocationSubject, SubjectKind, TokenId,
    TokenVerifier, UserId,
};

use test_issuer::{ISSUER, Mint, NOON, NOON_SECONDS, SESSION, SHOP, claims, with};

#[test]
fn a_token_that_was_verified_is_the_same_principal_again() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let token = mint.sign(&claims());

    let first = verifier.verify(&token, NOON).unwrap();

    assert!(verifier.verify(&token, NOON).unwrap() == first);
}

#[test]
fn a_signature_is_counted_once_for_each_good_token() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let token = mint.sign(&claims());
    for _ in 0..3 {
        verifier.verify(&token, NOON).unwrap();
        verifier.verify(&token[1..], NOON).unwrap_err();
    }

    assert_eq!((verifier.verified_signatures(), verifier.cached_tokens()), (1, 1));
}

#[test]
fn a_hit_never_outlives_the_tokens_expiry() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let token = mint.sign(&claims());
    verifier.verify(&token, NOON).unwrap();

    let end = NOON + Duration::from_secs(960);
    assert!(verifier.verify(&token, Time::from_unix_ms(end.unix_ms() - 1)).is_ok());
    assert_eq!(verifier.verify(&token, end), Err(AuthError::InvalidCredential(InvalidReason::Expired)));
    // A clock that steps back finds it forgotten, and judges it anew.
    assert!(verifier.verify(&token, NOON).is_ok());
}

#[test]
fn a_hit_before_the_tokens_beginning_is_refused() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let token = mint.sign(&with("nbf", json!(NOON_SECONDS + 30)));
    verifier.verify(&token, NOON).unwrap();

    let earlier = NOON - Duration::from_secs(31);

    assert_eq!(
        verifier.verify(&token, earlier),
        Err(AuthError::InvalidCredential(InvalidReason::NotYetValid))
    );
}

#[test]
fn revoke_then_use_a_remembered_token_is_refused() {
    let mint = Mint::new();
    let local = mint.local();
    let token = mint.sign(&claims());
    local.verify(&token, NOON).unwrap();
    local.verify(&token, NOON).unwrap();

    let entry = RevocationEntry {
        position: RevocationPosition::new(3),
        subject: RevocationSubject::Session(SESSION),
        until: Some(NOON),
    };
    local.revocations().publish(&[entry], RevocationPosition::new(3));

    let revoked = Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::Session)));
    assert_eq!(local.verify(&token, NOON), revoked);
    assert_eq!(local.verify(&token, NOON), revoked);
}

#[test]
fn an_expired_token_still_says_whose_it_was_and_opens_nothing() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let later = NOON + Duration::from_secs(1_000_000);
    let token = mint.sign(&claims());

    let whose = verifier.verify_ignoring_expiry(&token, later).unwrap();

    assert_eq!(whose.session_id(), Some(SESSION));
    assert_eq!(verifier.verify(&token, later), Err(AuthError::InvalidCredential(InvalidReason::Expired)));
    for (name, value) in [("iss", json!("x")), ("aud", json!("x")), ("exp", json!(NOON_SECONDS + 3601))] {
        assert!(verifier.verify_ignoring_expiry(&mint.sign(&with(name, value)), later).is_err(), "{name}");
    }
    assert!(verifier.verify_ignoring_expiry(&Mint::new().sign(&claims()), later).is_err());
    assert!(verifier.verify_ignoring_expiry(&mint.sign_as("JWT", &claims()), later).is_err());
}

#[test]
fn what_was_refused_is_judged_anew_each_time() {
    let (mint, other) = (Mint::new(), Mint::new());
    let verifier = mint.verifier();
    let token = other.sign(&claims());
    assert!(verifier.verify(&token, NOON).is_err());

    verifier.set_keys(other.keys());

    assert!(verifier.verify(&token, NOON).is_ok());
}

#[test]
fn two_verifiers_share_nothing() {
    let mint = Mint::new();
    let token = mint.sign(&claims());
    mint.verifier().verify(&token, NOON).unwrap();
    let bank = TokenVerifier::builder(ISSUER, "https://bank.example", &[Algorithm::Es256]);

    let verdict = bank.build(mint.keys()).unwrap().verify(&token, NOON);

    assert_eq!(verdict, Err(AuthError::InvalidCredential(InvalidReason::WrongAudience)));
}

#[test]
fn a_verifier_that_remembers_nothing_judges_the_same() {
    let mint = Mint::new();
    let builder = TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]).cache_size(0);
    let verifier = builder.build(mint.keys()).unwrap();
    let token = mint.sign(&claims());

    let first = verifier.verify(&token, NOON).unwrap();

    assert!(verifier.verify(&token, NOON).unwrap() != first);
}

/// CVE-2026-35039: a cache whose keys met gave out another user's claims.
#[test]
fn a_hundred_thousand_tokens_that_look_alike_each_give_their_own_claims() {
    let mint = Mint::with(Algorithm::Ed25519);
    let verifier = mint.verifier();
    let alike = |number: u32| {
        let mut id = [9; 16];
        id[6..10].copy_from_slice(&number.to_be_bytes());
        (UserId::from_bytes(id), TokenId::from_bytes(id))
    };
    let tokens: Vec<_> = (0..20_000)
        .map(|number| {
            let (user, token) = alike(number);
            let mut claims = with("sub", json!(user));
            claims["jti"] = json!(token);
            mint.sign(&claims)
        })
        .collect();

    for round in 0..5 {
        for (number, token) in (0..).zip(&tokens) {
            let principal = verifier.verify(token, NOON).unwrap();
            let own = alike(number);
            assert_eq!(
                (principal.user_id(), principal.token_id()),
                (Some(own.0), Some(own.1)),
                "round {round}"
            );
        }
    }
}

#[test]
fn the_signature_of_a_remembered_token_is_worth_nothing_under_other_claims() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let good = mint.sign(&claims());
    let other = mint.sign(&with("roles", json!(["admin"])));
    verifier.verify(&good, NOON).unwrap();

    let (signed, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();

    assert!(verifier.verify(&format!("{signed}.{signature}"), NOON).is_err());
}

proptest! {
    #[test]
    fn a_remembered_token_with_any_byte_changed_is_refused(at: Index, byte in any::<char>()) {
        let mint = Mint::with(Algorithm::Ed25519);
        let verifier = mint.verifier();
        let token = mint.sign(&claims());
        verifier.verify(&token, NOON).unwrap();

        let mut changed: Vec<char> = token.chars().collect();
        let at = at.index(changed.len());
        changed[at] = byte;
        let changed: String = changed.into_iter().collect();

        prop_assert_eq!(verifier.verify(&changed, NOON).is_ok(), changed == token);
    }

    #[test]
    fn no_text_makes_a_verifier_panic_or_accept(text: String) {
        let mint = Mint::with(Algorithm::Ed25519);
        prop_assert!(mint.verifier().verify(&text, NOON).is_err());
    }
}
