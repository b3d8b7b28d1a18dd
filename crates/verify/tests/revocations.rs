//! Which credentials an entry of the revocation log revokes.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use serde_json::json;

use counterfoil_jose::Time;
use counterfoil_verify::{
    AuthError, ClientId, Freshness, InvalidReason, KeyId, LocalVerifier, RevocationEntry, RevocationPosition,
    RevocationQuery, RevocationSubject, Revocations, SessionId, SubjectKind, TokenId, UserId,
};

use test_signer::{ALICE, NOON, SESSION, TOKEN, TestSigner, claims, with};

/// Long after the expiry of every token that was issued at noon.
const LATER: Time = Time::from_unix_seconds(1_764_010_000);

fn entry(position: u64, subject: RevocationSubject) -> RevocationEntry {
    RevocationEntry { position: RevocationPosition::new(position), subject, until: Some(LATER) }
}

fn revocations_with(entries: &[RevocationEntry]) -> Revocations {
    let revocations = Revocations::new();
    revocations.publish(entries, RevocationPosition::new(100));
    revocations
}

/// Alice's credential, issued at position 50.
fn query() -> RevocationQuery {
    RevocationQuery::new(RevocationPosition::new(50))
        .session(SESSION)
        .token(TOKEN)
        .user(ALICE)
        .client(&client("shop"))
        .key(&key("k1"))
}

fn client(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn key(text: &str) -> KeyId {
    text.parse().unwrap()
}

#[test]
fn sessions_tokens_and_keys_are_revoked_whatever_the_position() {
    for (subject, revoked) in [
        (RevocationSubject::Session(SESSION), SubjectKind::Session),
        (RevocationSubject::Token(TOKEN), SubjectKind::Token),
        (RevocationSubject::Key(key("k1")), SubjectKind::Key),
    ] {
        for position in [0, 49, 50, 51] {
            let found = revocations_with(&[entry(position, subject.clone())]).revoked_by(&query());
            assert_eq!(found, Some(revoked), "{subject} at {position}");
        }
    }
}

#[test]
fn users_clients_and_everyone_are_revoked_for_earlier_positions() {
    for (subject, revoked) in [
        (RevocationSubject::User(ALICE), SubjectKind::User),
        (RevocationSubject::Client(client("shop")), SubjectKind::Client),
        (RevocationSubject::Everyone, SubjectKind::Everyone),
    ] {
        let found = |position| revocations_with(&[entry(position, subject.clone())]).revoked_by(&query());
        assert_eq!(found(51), Some(revoked), "{subject}");
        assert_eq!(found(50), None, "{subject}");
        assert_eq!(found(49), None, "{subject}");
    }
}

#[test]
fn entries_for_other_subjects_revoke_nothing() {
    let others = [
        entry(99, RevocationSubject::Session(SessionId::from_bytes(*ALICE.as_bytes()))),
        entry(99, RevocationSubject::Token(TokenId::from_bytes(*SESSION.as_bytes()))),
        entry(99, RevocationSubject::User(UserId::from_bytes(*TOKEN.as_bytes()))),
        entry(99, RevocationSubject::Client(client("k1"))),
        entry(99, RevocationSubject::Key(key("shop"))),
    ];

    assert_eq!(revocations_with(&others).revoked_by(&query()), None);
}

#[test]
fn a_later_entry_of_the_same_user_revokes_more() {
    let revocations = revocations_with(&[entry(40, RevocationSubject::User(ALICE))]);
    assert_eq!(revocations.revoked_by(&query()), None);

    revocations.publish(&[entry(60, RevocationSubject::User(ALICE))], RevocationPosition::new(60));
    assert_eq!(revocations.revoked_by(&query()), Some(SubjectKind::User));

    // An older entry that arrives late changes nothing.
    revocations.publish(&[entry(41, RevocationSubject::User(ALICE))], RevocationPosition::new(41));
    assert_eq!(revocations.revoked_by(&query()), Some(SubjectKind::User));
    assert_eq!((revocations.len(), revocations.head()), (1, RevocationPosition::new(100)));
}

#[test]
fn merging_a_snapshot_removes_nothing() {
    let revocations = revocations_with(&[
        entry(1, RevocationSubject::Session(SESSION)),
        entry(99, RevocationSubject::Everyone),
    ]);

    revocations.publish(&[entry(2, RevocationSubject::Token(TOKEN))], RevocationPosition::new(2));
    revocations.publish(&[], RevocationPosition::START);

    assert_eq!(revocations.len(), 3);
    assert_eq!(
        revocations.revoked_by(&RevocationQuery::new(RevocationPosition::START).session(SESSION)),
        Some(SubjectKind::Session)
    );
}

#[test]
fn entries_are_removed_when_they_expire_and_keys_never() {
    let revocations = revocations_with(&[
        entry(99, RevocationSubject::Session(SESSION)),
        entry(99, RevocationSubject::Client(client("shop"))),
        entry(99, RevocationSubject::Everyone),
        RevocationEntry {
            position: RevocationPosition::new(99),
            subject: RevocationSubject::Key(key("k1")),
            until: None,
        },
    ]);

    revocations.prune(LATER);
    assert_eq!(revocations.len(), 4);

    revocations.prune(LATER + Duration::from_millis(1));
    assert_eq!(revocations.len(), 1);
    assert_eq!(revocations.revoked_by(&query()), Some(SubjectKind::Key));
}

#[test]
fn an_entry_takes_less_than_64_bytes_and_an_empty_set_none() {
    let entries: Vec<_> = (0..100_000_u128)
        .map(|number| entry(99, RevocationSubject::Session(SessionId::from_bytes(number.to_be_bytes()))))
        .collect();
    let revocations = revocations_with(&entries);

    assert_eq!(Revocations::new().memory_bytes(), 0);
    assert!(
        revocations.memory_bytes() / revocations.len() < 64,
        "{} bytes an entry",
        revocations.memory_bytes() / revocations.len()
    );
    revocations.prune(Time::from_unix_ms(u64::MAX));
    assert_eq!((revocations.len(), revocations.memory_bytes()), (0, 0));
}

#[test]
fn a_token_issued_after_its_users_revocation_is_accepted() {
    let signer = TestSigner::new();
    let local = signer.local();
    local.revocations().publish(&[entry(10, RevocationSubject::User(ALICE))], RevocationPosition::new(10));

    let before = local.verify(&signer.sign(&with("pos", json!(9))), NOON);
    let after = local.verify(&signer.sign(&with("pos", json!(10))), NOON);

    assert_eq!(before, Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::User))));
    assert!(after.is_ok());
}

#[test]
fn a_token_of_a_revoked_key_is_rejected_at_any_position() {
    let signer = TestSigner::new();
    let local = signer.local();
    local
        .revocations()
        .publish(&[entry(1, RevocationSubject::Key(key(signer.key.kid())))], RevocationPosition::new(1));

    // A thief of the key can write any position.
    let result = local.verify(&signer.sign(&with("pos", json!(u64::MAX))), NOON);

    assert_eq!(result, Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::Key))));
}

#[test]
fn an_expired_lease_rejects_every_token() {
    let signer = TestSigner::new();
    let clock = Arc::new(AtomicU64::new(NOON.unix_ms()));
    let shared_clock = Arc::clone(&clock);
    let revocations = Arc::new(Revocations::with_freshness(Freshness::Until(Time::EPOCH)));
    let local = LocalVerifier::new(signer.verifier(), Arc::clone(&revocations), move || {
        Time::from_unix_ms(shared_clock.load(Ordering::SeqCst))
    });
    let token = signer.sign(&claims());

    // No revocations have been received yet.
    assert_eq!(local.verify(&token, NOON), Err(AuthError::StaleRevocations));
    revocations.set_freshness(Freshness::Until(NOON + Duration::from_secs(3)));
    assert!(local.verify(&token, NOON).is_ok());
    clock.fetch_add(3_000, Ordering::SeqCst);
    assert_eq!(local.verify(&token, NOON), Err(AuthError::StaleRevocations));
}

#[test]
fn a_stale_view_still_reports_known_revocations() {
    let signer = TestSigner::new();
    let revocations = Arc::new(Revocations::with_freshness(Freshness::Until(Time::EPOCH)));
    revocations.publish(&[entry(1, RevocationSubject::Session(SESSION))], RevocationPosition::new(1));
    let local = LocalVerifier::new(signer.verifier(), revocations, || NOON);

    let result = local.verify(&signer.sign(&claims()), NOON);

    assert_eq!(result, Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::Session))));
}

/// Readers race with a publisher: a reader that has seen a head finds every entry up to it.
#[test]
fn readers_never_see_the_head_before_the_entries() {
    let revocations = Revocations::new();
    let done = AtomicBool::new(false);
    let session = |position: u64| SessionId::from_bytes(u128::from(position).to_be_bytes());

    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let head = revocations.head();
                    let query = RevocationQuery::new(head).session(session(head.number()));
                    assert!(head == RevocationPosition::START || revocations.revoked_by(&query).is_some());
                }
            });
        }
        for position in 1..3_000 {
            revocations.publish(
                &[entry(position, RevocationSubject::Session(session(position)))],
                RevocationPosition::new(position),
            );
        }
        done.store(true, Ordering::Relaxed);
    });

    assert_eq!(revocations.len(), 2_999);
}

fn any_subject() -> impl Strategy<Value = RevocationSubject> {
    let id = (0..4_u8).prop_map(|byte| [byte; 16]);
    let text = prop::sample::select(vec!["a", "b"]);
    prop_oneof![
        id.clone().prop_map(|id| RevocationSubject::Session(SessionId::from_bytes(id))),
        id.clone().prop_map(|id| RevocationSubject::User(UserId::from_bytes(id))),
        id.prop_map(|id| RevocationSubject::Token(TokenId::from_bytes(id))),
        text.clone().prop_map(|text| RevocationSubject::Client(client(text))),
        text.prop_map(|text| RevocationSubject::Key(key(text))),
        any::<bool>().prop_map(|_| RevocationSubject::Everyone),
    ]
}

/// The rules, without any table.
fn is_revoked_by_rules(entries: &[(u64, RevocationSubject)], id: u8, position: u64) -> bool {
    entries.iter().any(|(at, subject)| match subject {
        RevocationSubject::Session(session) => session.as_bytes()[0] == id,
        RevocationSubject::Token(token) => token.as_bytes()[0] == id,
        RevocationSubject::Key(key) => key.as_str() == "a",
        RevocationSubject::User(user) => user.as_bytes()[0] == id && *at > position,
        RevocationSubject::Client(client) => client.as_str() == "a" && *at > position,
        RevocationSubject::Everyone => *at > position,
    })
}

proptest! {
    #[test]
    fn the_tables_agree_with_the_rules(
        entries in prop::collection::vec((0..10_u64, any_subject()), 0..8),
        id in 0..4_u8,
        position in 0..10_u64,
        cut in any::<prop::sample::Index>(),
    ) {
        let logged: Vec<_> = entries.iter().map(|(at, subject)| entry(*at, subject.clone())).collect();
        let (first, second) = logged.split_at(cut.index(logged.len() + 1));
        let revocations = Revocations::new();
        revocations.publish(first, RevocationPosition::START);
        revocations.publish(second, RevocationPosition::START);

        let query = RevocationQuery::new(RevocationPosition::new(position))
            .session(SessionId::from_bytes([id; 16]))
            .token(TokenId::from_bytes([id; 16]))
            .user(UserId::from_bytes([id; 16]))
            .client(&client("a"))
            .key(&key("a"));

        prop_assert_eq!(revocations.revoked_by(&query).is_some(), is_revoked_by_rules(&entries, id, position));
    }
}
