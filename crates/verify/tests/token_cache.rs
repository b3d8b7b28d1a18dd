//! The cache of verified tokens: a hit saves the signature, and no other check.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::time::Duration;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;
use serde_json::json;

use counterfoil_jose::{Algorithm, Time};
use counterfoil_verify::{
    AuthError, InvalidReason, RevocationEntry, RevocationPosition, RevocationSubject, SubjectKind, TokenId,
    TokenVerifier, UserId,
};

use test_signer::{ISSUER, NOON, NOON_SECONDS, SESSION, SHOP, TestSigner, claims, with};

#[test]
fn a_cached_token_gives_the_same_principal() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let token = signer.sign(&claims());

    let first = verifier.verify(&token, NOON).unwrap();

    assert!(verifier.verify(&token, NOON).unwrap() == first);
}

#[test]
fn each_valid_signature_is_counted_once() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let token = signer.sign(&claims());
    for _ in 0..3 {
        verifier.verify(&token, NOON).unwrap();
        verifier.verify(&token[1..], NOON).unwrap_err();
    }

    assert_eq!((verifier.verified_signatures(), verifier.cached_tokens()), (1, 1));
}

#[test]
fn a_cached_token_expires() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let token = signer.sign(&claims());
    verifier.verify(&token, NOON).unwrap();

    let end = NOON + Duration::from_secs(960);
    assert!(verifier.verify(&token, Time::from_unix_ms(end.unix_ms() - 1)).is_ok());
    assert_eq!(verifier.verify(&token, end), Err(AuthError::InvalidCredential(InvalidReason::Expired)));
    // If the clock steps back, the token is no longer cached and is verified again.
    assert!(verifier.verify(&token, NOON).is_ok());
}

#[test]
fn a_cached_token_is_rejected_before_its_not_before() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let token = signer.sign(&with("nbf", json!(NOON_SECONDS + 30)));
    verifier.verify(&token, NOON).unwrap();

    let earlier = NOON - Duration::from_secs(31);

    assert_eq!(
        verifier.verify(&token, earlier),
        Err(AuthError::InvalidCredential(InvalidReason::NotYetValid))
    );
}

#[test]
fn a_revoked_cached_token_is_rejected() {
    let signer = TestSigner::new();
    let local = signer.local();
    let token = signer.sign(&claims());
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
fn an_expired_token_still_names_its_session_but_is_rejected() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let later = NOON + Duration::from_secs(1_000_000);
    let token = signer.sign(&claims());

    let principal = verifier.verify_ignoring_expiry(&token, later).unwrap();

    assert_eq!(principal.session_id(), Some(SESSION));
    assert_eq!(verifier.verify(&token, later), Err(AuthError::InvalidCredential(InvalidReason::Expired)));
    for (name, value) in [("iss", json!("x")), ("aud", json!("x")), ("exp", json!(NOON_SECONDS + 3601))] {
        assert!(verifier.verify_ignoring_expiry(&signer.sign(&with(name, value)), later).is_err(), "{name}");
    }
    assert!(verifier.verify_ignoring_expiry(&TestSigner::new().sign(&claims()), later).is_err());
    assert!(verifier.verify_ignoring_expiry(&signer.sign_as("JWT", &claims()), later).is_err());
}

#[test]
fn a_rejected_token_is_verified_again_each_time() {
    let (signer, other) = (TestSigner::new(), TestSigner::new());
    let verifier = signer.verifier();
    let token = other.sign(&claims());
    assert!(verifier.verify(&token, NOON).is_err());

    verifier.set_keys(other.keys());

    assert!(verifier.verify(&token, NOON).is_ok());
}

#[test]
fn two_verifiers_share_no_cache() {
    let signer = TestSigner::new();
    let token = signer.sign(&claims());
    signer.verifier().verify(&token, NOON).unwrap();
    let bank = TokenVerifier::builder(ISSUER, "https://bank.example", &[Algorithm::Es256]);

    let result = bank.build(signer.keys()).unwrap().verify(&token, NOON);

    assert_eq!(result, Err(AuthError::InvalidCredential(InvalidReason::WrongAudience)));
}

#[test]
fn a_verifier_without_a_cache_accepts_the_same_tokens() {
    let signer = TestSigner::new();
    let builder = TokenVerifier::builder(ISSUER, SHOP, &[Algorithm::Es256]).cache_size(0);
    let verifier = builder.build(signer.keys()).unwrap();
    let token = signer.sign(&claims());

    let first = verifier.verify(&token, NOON).unwrap();

    assert!(verifier.verify(&token, NOON).unwrap() != first);
}

/// CVE-2026-35039: colliding cache keys returned another user's claims.
#[test]
fn similar_tokens_each_give_their_own_claims() {
    let signer = TestSigner::with(Algorithm::Ed25519);
    let verifier = signer.verifier();
    let ids = |number: u32| {
        let mut id = [9; 16];
        id[6..10].copy_from_slice(&number.to_be_bytes());
        (UserId::from_bytes(id), TokenId::from_bytes(id))
    };
    let tokens: Vec<_> = (0..20_000)
        .map(|number| {
            let (user, token) = ids(number);
            let mut claims = with("sub", json!(user));
            claims["jti"] = json!(token);
            signer.sign(&claims)
        })
        .collect();

    for round in 0..5 {
        for (number, token) in (0..).zip(&tokens) {
            let principal = verifier.verify(token, NOON).unwrap();
            let own = ids(number);
            assert_eq!(
                (principal.user_id(), principal.token_id()),
                (Some(own.0), Some(own.1)),
                "round {round}"
            );
        }
    }
}

#[test]
fn the_signature_of_a_cached_token_is_invalid_for_other_claims() {
    let signer = TestSigner::new();
    let verifier = signer.verifier();
    let good = signer.sign(&claims());
    let other = signer.sign(&with("roles", json!(["admin"])));
    verifier.verify(&good, NOON).unwrap();

    let (signed, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();

    assert!(verifier.verify(&format!("{signed}.{signature}"), NOON).is_err());
}

proptest! {
    #[test]
    fn a_cached_token_with_any_byte_changed_is_rejected(at: Index, byte in any::<char>()) {
        let signer = TestSigner::with(Algorithm::Ed25519);
        let verifier = signer.verifier();
        let token = signer.sign(&claims());
        verifier.verify(&token, NOON).unwrap();

        let mut changed: Vec<char> = token.chars().collect();
        let at = at.index(changed.len());
        changed[at] = byte;
        let changed: String = changed.into_iter().collect();

        prop_assert_eq!(verifier.verify(&changed, NOON).is_ok(), changed == token);
    }

    #[test]
    fn arbitrary_text_is_rejected_without_a_panic(text: String) {
        let signer = TestSigner::with(Algorithm::Ed25519);
        prop_assert!(signer.verifier().verify(&text, NOON).is_err());
    }
}
