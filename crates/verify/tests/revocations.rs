//! What a log entry kills, and what it spares.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_issuer;

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

use test_issuer::{ALICE, Mint, NOON, SESSION, TOKEN, claims, with};

/// Long after every token of noon.
const LATER: Time = Time::from_unix_seconds(1_764_010_000);

fn entry(position: u64, subject: RevocationSubject) -> RevocationEntry {
    RevocationEntry { position: RevocationPosition::new(position), subject, until: Some(LATER) }
}

fn revocations(entries: &[RevocationEntry]) -> Revocations {
    let revocations = Revocations::new();
    revocations.publish(entries, RevocationPosition::new(100));
    revocations
}

/// Alice's credential of position 50.
fn probe() -> RevocationQuery {
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
fn sessions_tokens_and_keys_end_whatever_the_position() {
    for (subject, revoked) in [
        (RevocationSubject::Session(SESSION), SubjectKind::Session),
        (RevocationSubject::Token(TOKEN), SubjectKind::Token),
        (RevocationSubject::Key(key("k1")), SubjectKind::Key),
    ] {
        for position in [0, 49, 50, 51] {
            let found = revocations(&[entry(position, subject.clone())]).revoked_as(&probe());
            assert_eq!(found, Some(revoked), "{subject} at {position}");
        }
    }
}

#[test]
fn users_clients_and_everyone_end_what_was_minted_before() {
    for (subject, revoked) in [
        (RevocationSubject::User(ALICE), SubjectKind::User),
        (RevocationSubject::Client(client("shop")), SubjectKind::Client),
        (RevocationSubject::Everyone, SubjectKind::Everyone),
    ] {
        let found = |position| revocations(&[entry(position, subject.clone())]).revoked_as(&probe());
        assert_eq!(found(51), Some(revoked), "{subject}");
        assert_eq!(found(50), None, "{subject}");
        assert_eq!(found(49), None, "{subject}");
    }
}

#[test]
fn what_is_about_others_ends_nothing() {
    let others = [
        entry(99, RevocationSubject::Session(SessionId::from_bytes(*ALICE.as_bytes()))),
        entry(99, RevocationSubject::Token(TokenId::from_bytes(*SESSION.as_bytes()))),
        entry(99, RevocationSubject::User(UserId::from_bytes(*TOKEN.as_bytes()))),
        entry(99, RevocationSubject::Client(client("k1"))),
        entry(99, RevocationSubject::Key(key("shop"))),
    ];

    assert_eq!(revocations(&others).revoked_as(&probe()), None);
}

#[test]
fn a_later_entry_of_the_same_user_kills_what_the_first_one_spared() {
    let held = revocations(&[entry(40, RevocationSubject::User(ALICE))]);
    assert_eq!(held.revoked_as(&probe()), None);

    held.publish(&[entry(60, RevocationSubject::User(ALICE))], RevocationPosition::new(60));
    assert_eq!(held.revoked_as(&probe()), Some(SubjectKind::User));

    // An older one that comes late takes nothing back.
    held.publish(&[entry(41, RevocationSubject::User(ALICE))], RevocationPosition::new(41));
    assert_eq!(held.revoked_as(&probe()), Some(SubjectKind::User));
    assert_eq!((held.len(), held.head()), (1, RevocationPosition::new(100)));
}

#[test]
fn merging_a_snapshot_takes_nothing_away() {
    let held =
        revocations(&[entry(1, RevocationSubject::Session(SESSION)), entry(99, RevocationSubject::Everyone)]);

    held.publish(&[entry(2, RevocationSubject::Token(TOKEN))], RevocationPosition::new(2));
    held.publish(&[], RevocationPosition::START);

    assert_eq!(held.len(), 3);
    assert_eq!(
        held.revoked_as(&RevocationQuery::new(RevocationPosition::START).session(SESSION)),
        Some(SubjectKind::Session)
    );
}

#[test]
fn an_entry_leaves_by_its_own_term_and_a_keys_never_does() {
    let held = revocations(&[
        entry(99, RevocationSubject::Session(SESSION)),
        entry(99, RevocationSubject::Client(client("shop"))),
        entry(99, RevocationSubject::Everyone),
        RevocationEntry {
            position: RevocationPosition::new(99),
            subject: RevocationSubject::Key(key("k1")),
            until: None,
        },
    ]);

    held.prune(LATER);
    assert_eq!(held.len(), 4);

    held.prune(LATER + Duration::from_millis(1));
    assert_eq!(held.len(), 1);
    assert_eq!(held.revoked_as(&probe()), Some(SubjectKind::Key));
}

#[test]
fn an_entry_costs_less_than_64_bytes_and_nothing_where_there_is_none() {
    let entries: Vec<_> = (0..100_000_u128)
        .map(|number| entry(99, RevocationSubject::Session(SessionId::from_bytes(number.to_be_bytes()))))
        .collect();
    let held = revocations(&entries);

    assert_eq!(Revocations::new().memory_bytes(), 0);
    assert!(held.memory_bytes() / held.len() < 64, "{} bytes an entry", held.memory_bytes() / held.len());
    held.prune(Time::from_unix_ms(u64::MAX));
    assert_eq!((held.len(), held.memory_bytes()), (0, 0));
}

#[test]
fn a_token_minted_after_its_users_revocation_is_good() {
    let mint = Mint::new();
    let local = mint.local();
    local.revocations().publish(&[entry(10, RevocationSubject::User(ALICE))], RevocationPosition::new(10));

    let before = local.verify(&mint.sign(&with("pos", json!(9))), NOON);
    let after = local.verify(&mint.sign(&with("pos", json!(10))), NOON);

    assert_eq!(before, Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::User))));
    assert!(after.is_ok());
}

#[test]
fn the_key_that_signed_a_token_is_looked_for() {
    let mint = Mint::new();
    let local = mint.local();
    local
        .revocations()
        .publish(&[entry(1, RevocationSubject::Key(key(mint.key.kid())))], RevocationPosition::new(1));

    // Its thief writes whatever position they like.
    let verdict = local.verify(&mint.sign(&with("pos", json!(u64::MAX))), NOON);

    assert_eq!(verdict, Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::Key))));
}

#[test]
fn a_verifier_that_is_cut_off_refuses_when_its_lease_is_over() {
    let mint = Mint::new();
    let clock = Arc::new(AtomicU64::new(NOON.unix_ms()));
    let told = Arc::clone(&clock);
    let revocations = Arc::new(Revocations::with_freshness(Freshness::Until(Time::EPOCH)));
    let local = LocalVerifier::new(mint.verifier(), Arc::clone(&revocations), move || {
        Time::from_unix_ms(told.load(Ordering::SeqCst))
    });
    let token = mint.sign(&claims());

    // Nothing has been heard yet.
    assert_eq!(local.verify(&token, NOON), Err(AuthError::StaleRevocations));
    revocations.set_freshness(Freshness::Until(NOON + Duration::from_secs(3)));
    assert!(local.verify(&token, NOON).is_ok());
    clock.fetch_add(3_000, Ordering::SeqCst);
    assert_eq!(local.verify(&token, NOON), Err(AuthError::StaleRevocations));
}

#[test]
fn what_is_known_to_be_revoked_is_refused_as_such_by_a_stale_view_too() {
    let mint = Mint::new();
    let revocations = Arc::new(Revocations::with_freshness(Freshness::Until(Time::EPOCH)));
    revocations.publish(&[entry(1, RevocationSubject::Session(SESSION))], RevocationPosition::new(1));
    let local = LocalVerifier::new(mint.verifier(), revocations, || NOON);

    let verdict = local.verify(&mint.sign(&claims()), NOON);

    assert_eq!(verdict, Err(AuthError::InvalidCredential(InvalidReason::Revoked(SubjectKind::Session))));
}

/// Readers race with a publisher: whoever has seen a head finds every entry up to it.
#[test]
fn no_reader_ever_sees_the_head_before_the_entries() {
    let held = Revocations::new();
    let done = AtomicBool::new(false);
    let session = |position: u64| SessionId::from_bytes(u128::from(position).to_be_bytes());

    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let head = held.head();
                    let probe = RevocationQuery::new(head).session(session(head.number()));
                    assert!(head == RevocationPosition::START || held.revoked_as(&probe).is_some());
                }
            });
        }
        for position in 1..3_000 {
            held.publish(
                &[entry(position, RevocationSubject::Session(session(position)))],
                RevocationPosition::new(position),
            );
        }
        done.store(true, Ordering::Relaxed);
    });

    assert_eq!(held.len(), 2_999);
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

/// The law itself, written down without any table.
fn law(entries: &[(u64, RevocationSubject)], id: u8, position: u64) -> bool {
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
    fn the_tables_say_what_the_law_says(
        entries in prop::collection::vec((0..10_u64, any_subject()), 0..8),
        id in 0..4_u8,
        position in 0..10_u64,
        cut in any::<prop::sample::Index>(),
    ) {
        let logged: Vec<_> = entries.iter().map(|(at, subject)| entry(*at, subject.clone())).collect();
        let (first, second) = logged.split_at(cut.index(logged.len() + 1));
        let held = Revocations::new();
        held.publish(first, RevocationPosition::START);
        held.publish(second, RevocationPosition::START);

        let probe = RevocationQuery::new(RevocationPosition::new(position))
            .session(SessionId::from_bytes([id; 16]))
            .token(TokenId::from_bytes([id; 16]))
            .user(UserId::from_bytes([id; 16]))
            .client(&client("a"))
            .key(&key("a"));

        prop_assert_eq!(held.revoked_as(&probe).is_some(), law(&entries, id, position));
    }
}
