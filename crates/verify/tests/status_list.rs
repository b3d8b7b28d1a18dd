//! Status list tokens: what a reader accepts, and what the claim `status` of an access token says.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

use std::time::Duration;

use serde_json::{Value, json};

use counterfoil_jose::status_list::{StatusBits, StatusList, StatusListError};
use counterfoil_jose::{JwsError, Time};
use counterfoil_verify::{
    StatusListLimits, StatusListReference, StatusListToken, StatusListTokenError, TokenStatus,
};

mod test_signer;

use test_signer::{NOON, NOON_SECONDS, TestSigner, claims};

const URI: &str = "https://auth.example/v1/status-lists/0";

fn list_claims() -> Value {
    json!({
        "iss": "https://auth.example", "sub": URI, "iat": NOON_SECONDS, "exp": NOON_SECONDS + 120, "ttl": 60,
        "status_list": { "bits": 2, "lst": "eNo76fITAAPfAgc" },
    })
}

fn verify(signer: &TestSigner, token: &str, now: Time) -> Result<StatusListToken, StatusListTokenError> {
    let (keys, algorithms) = (signer.keys(), [signer.key.algorithm()]);
    StatusListToken::verify(token, URI, &keys, &algorithms, &StatusListLimits::default(), now)
}

fn read(claims: &Value) -> Result<StatusListToken, StatusListTokenError> {
    let signer = TestSigner::new();
    verify(&signer, &signer.sign_as("statuslist+jwt", claims), NOON)
}

fn at(index: u64) -> StatusListReference {
    StatusListReference { index, uri: URI.to_owned() }
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = list_claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = list_claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn a_list_says_which_tokens_are_valid() {
    let list = read(&list_claims()).unwrap();

    let statuses: Vec<_> = (0..4).map(|index| list.status(&at(index), NOON).unwrap()).collect();

    assert_eq!(
        statuses,
        [TokenStatus::Invalid, TokenStatus::Suspended, TokenStatus::Valid, TokenStatus::Other(3)]
    );
    assert_eq!(list.refetch_after(), Duration::from_secs(60));
}

#[test]
fn an_index_beyond_the_list_and_another_list_say_nothing() {
    let list = read(&list_claims()).unwrap();
    for index in [12, u64::MAX] {
        let error = list.status(&at(index), NOON).unwrap_err();
        assert!(matches!(error, StatusListTokenError::IndexOutOfRange), "{error}");
    }
    let elsewhere =
        StatusListReference { index: 2, uri: "https://auth.example/v1/status-lists/1".to_owned() };
    assert!(matches!(list.status(&elsewhere, NOON), Err(StatusListTokenError::WrongSubject)));
}

#[test]
fn an_expired_list_says_nothing() {
    let (signer, expiry) = (TestSigner::new(), NOON + Duration::from_secs(120));
    let token = signer.sign_as("statuslist+jwt", &list_claims());
    assert!(matches!(verify(&signer, &token, expiry), Err(StatusListTokenError::Expired)));

    let list = verify(&signer, &token, NOON).unwrap();
    assert!(list.status(&at(2), expiry - Duration::from_millis(1)).unwrap().is_valid());
    assert!(matches!(list.status(&at(2), expiry), Err(StatusListTokenError::Expired)));
}

#[test]
fn a_list_with_other_claims_is_rejected() {
    for name in ["sub", "iat", "status_list"] {
        assert!(matches!(read(&without(name)), Err(StatusListTokenError::Claims(_))), "without `{name}`");
    }
    for (name, value) in [("ttl", json!("60")), ("exp", json!("soon")), ("status_list", json!({"bits": 1}))] {
        assert!(matches!(read(&with(name, value)), Err(StatusListTokenError::Claims(_))), "another `{name}`");
    }
    assert!(matches!(
        read(&with("sub", json!("https://auth.example/v1/status-lists/1"))),
        Err(StatusListTokenError::WrongSubject)
    ));
    assert!(matches!(read(&with("iat", json!(NOON_SECONDS + 61))), Err(StatusListTokenError::NotYetValid)));
    assert!(matches!(
        read(&with("status_list", json!({ "bits": 3, "lst": "eNo76fITAAPfAgc" }))),
        Err(StatusListTokenError::List(StatusListError::BadBits))
    ));
}

#[test]
fn another_token_and_another_signature_are_rejected() {
    let signer = TestSigner::new();
    for typ in ["at+jwt", "JWT", "application/json"] {
        let error = verify(&signer, &signer.sign_as(typ, &list_claims()), NOON).unwrap_err();
        assert!(matches!(error, StatusListTokenError::Token(JwsError::WrongTyp)), "{typ}: {error}");
    }
    let forged = TestSigner::new().sign_as("statuslist+jwt", &list_claims());
    assert!(matches!(verify(&signer, &forged, NOON), Err(StatusListTokenError::Token(_))));
    // A media type with its prefix is the same type (RFC 7515, section 4.1.9).
    assert!(verify(&signer, &signer.sign_as("application/statuslist+jwt", &list_claims()), NOON).is_ok());
}

#[test]
fn an_issuer_cannot_fill_the_memory_or_force_a_storm_of_fetches() {
    let bomb = StatusList::new(StatusBits::Eight, (1 << 20) + 1).encode();
    assert!(matches!(
        read(&with("status_list", json!({ "bits": 8, "lst": bomb }))),
        Err(StatusListTokenError::List(StatusListError::TooLong(_)))
    ));
    for (ttl, expected) in [(json!(0), 5), (json!(1), 5), (json!(30), 30)] {
        let list = read(&with("ttl", ttl)).unwrap();
        assert_eq!(list.refetch_after(), Duration::from_secs(expected));
    }
    // Never beyond its expiry, and not for a day without one.
    assert_eq!(read(&with("ttl", json!(86_400))).unwrap().refetch_after(), Duration::from_secs(120));
    let mut unlimited = without("exp");
    unlimited.as_object_mut().unwrap().remove("ttl");
    assert_eq!(read(&unlimited).unwrap().refetch_after(), Duration::from_secs(300));
}

/// It is longer than any credential.
#[test]
fn a_dense_list_of_a_million_tokens_is_read() {
    let signer = TestSigner::new();
    let mut list = StatusList::new(StatusBits::One, 1 << 20);
    let mut state = 1_u32;
    for index in 0..1 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        assert!(list.set(index, u8::from(state >> 31 == 1)));
    }
    let claims = with("status_list", json!({ "bits": 1, "lst": list.encode() }));
    let token = signer.key.sign_document("statuslist+jwt", claims.to_string().as_bytes()).unwrap();
    assert!(token.len() > 200_000);

    let read = verify(&signer, &token, NOON).unwrap();

    for index in [0, 77_777, (1 << 20) - 1] {
        let expected = TokenStatus::from(list.get(index).unwrap());
        assert_eq!(read.status(&at(index as u64), NOON).unwrap(), expected);
    }
}

#[test]
fn an_access_token_says_where_its_status_is_published() {
    let signer = TestSigner::new();
    let mut claims = claims();
    assert_eq!(signer.verifier().verify(&signer.sign(&claims), NOON).unwrap().status_list(), None);

    claims["status"] = json!({ "status_list": { "idx": 7, "uri": URI }, "other": [] });
    let principal = signer.verifier().verify(&signer.sign(&claims), NOON).unwrap();
    assert_eq!(principal.status_list(), Some(&at(7)));

    for malformed in
        [json!(7), json!({ "status_list": { "idx": -1, "uri": URI } }), json!({ "status_list": {} })]
    {
        claims["status"] = malformed;
        assert!(signer.verifier().verify(&signer.sign(&claims), NOON).is_err(), "{}", claims["status"]);
    }
}
