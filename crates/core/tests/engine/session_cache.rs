//! The session cache: what it holds, what removes an entry, and what a use changes.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::InvalidCredential;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::conformance::{NOON, cookie_session};
use counterfoil_core::store::session_cache::{CacheLookup, MemorySessionCache, SessionCache as _};
use counterfoil_core::store::{AppliedChanges, Change, CommitListener, CutoffScope, LastSeen, SessionEnding};
use counterfoil_jose::Time;
use counterfoil_verify::{
    ClientId, CredentialKind, Principal, PrincipalParts, RevocationEntry, RevocationPosition,
    RevocationSubject, Revocations, SessionId, UserId,
};

const ADA: UserId = UserId::from_bytes([8; 16]);
const ENDING: SessionEnding =
    SessionEnding { end: SessionEnd { at: NOON, reason: EndReason::Logout }, remember_until: NOON };

fn cache() -> MemorySessionCache {
    MemorySessionCache::new(1000, Arc::new(Revocations::new()))
}

fn cookie(id: u8) -> (Session, SessionToken) {
    let token = SessionToken::generate(SessionId::from_bytes([id; 16])).unwrap();
    let session = Session {
        credential: SessionCredential::Cookie(token.hash()),
        // The absolute end comes before that of a second idle timeout.
        expires_at: NOON + Duration::from_secs(36 * 3600),
        ..cookie_session(token.session(), ADA)
    };
    (session, token)
}

fn principal() -> Principal {
    Principal::from_verified(PrincipalParts::new(CredentialKind::SessionToken, ADA.to_string(), NOON))
}

fn user() -> Change {
    let ada = User::new(ADA, "ada".parse().unwrap(), NOON);
    Change::replace_user(User { epoch: 1, revision: 1, ..ada })
}

fn with_cached_session() -> (MemorySessionCache, Session, SessionToken) {
    let (cache, (session, token)) = (cache(), cookie(1));
    cache.insert(&session, principal(), cache.version(session.id));
    (cache, session, token)
}

fn is_found(cache: &MemorySessionCache, token: &SessionToken) -> bool {
    is_found_at(cache, token, NOON)
}

fn is_found_at(cache: &MemorySessionCache, token: &SessionToken, now: Time) -> bool {
    matches!(cache.lookup(token, now), CacheLookup::Hit(_))
}

fn on_commit(cache: &MemorySessionCache, change: Change) {
    cache.on_commit(&[change], &AppliedChanges::default());
}

/// Each kind of change that invalidates the cache entry of a session.
fn invalidating_changes(session: &Session) -> Vec<Change> {
    vec![
        Change::end_session(session.id, ENDING),
        Change::replace_session(session.clone()),
        Change::refresh_position(session.id),
        user(),
        Change::remove_user(ADA),
        Change::refresh_positions_of(ADA),
        Change::set_cutoff(CutoffScope::User(ADA)),
        Change::set_cutoff(CutoffScope::Client(ClientId::default())),
        Change::set_cutoff(CutoffScope::Everyone),
    ]
}

#[test]
fn a_change_removes_the_cache_entry() {
    for change in invalidating_changes(&cookie(1).0) {
        let (cache, _, token) = with_cached_session();
        assert!(is_found(&cache, &token));

        on_commit(&cache, change.clone());

        assert!(matches!(cache.lookup(&token, NOON), CacheLookup::Miss), "{change:?}");
    }
}

#[test]
fn a_session_read_before_a_change_is_not_cached_after_it() {
    for change in invalidating_changes(&cookie(1).0) {
        let (cache, (session, token)) = (cache(), cookie(1));
        let version = cache.version(session.id);

        on_commit(&cache, change.clone());
        cache.insert(&session, principal(), version);

        assert!(!is_found(&cache, &token), "{change:?}");
    }
}

#[test]
fn sessions_ended_by_a_commit_are_removed_with_it() {
    let (cache, session, token) = with_cached_session();
    let change = Change::end_sessions_of(ADA, None, ENDING);

    cache.on_commit(
        &[change],
        &AppliedChanges { ended_sessions: vec![session.id], ..AppliedChanges::default() },
    );

    assert!(!is_found(&cache, &token));
}

#[test]
fn a_change_of_one_user_keeps_the_entries_of_others() {
    let (cache, _, token) = with_cached_session();

    on_commit(&cache, Change::set_cutoff(CutoffScope::User(UserId::from_bytes([7; 16]))));

    assert!(is_found(&cache, &token));
}

#[test]
fn a_session_can_be_cached_again_after_a_change_of_its_user() {
    let (cache, session, token) = with_cached_session();
    on_commit(&cache, user());

    cache.insert(&session, principal(), cache.version(session.id));

    assert!(is_found(&cache, &token));
}

#[test]
fn a_failed_commit_clears_the_cache_and_discards_pending_inserts() {
    let (cache, session, token) = with_cached_session();
    let version = cache.version(session.id);

    cache.on_failure();
    assert!(cache.is_empty());
    cache.insert(&session, principal(), version);

    assert!(!is_found(&cache, &token));
}

#[test]
fn a_wrong_token_is_invalid_and_an_expired_session_is_a_miss() {
    let (cache, session, token) = with_cached_session();
    let forged = SessionToken::generate(session.id).unwrap();

    assert!(matches!(cache.lookup(&forged, NOON), CacheLookup::Invalid(InvalidCredential::Unknown)));
    assert!(matches!(cache.lookup(&token, session.ends_at()), CacheLookup::Miss));
}

#[test]
fn one_use_per_minute_is_recorded_and_the_session_stays_cached() {
    let (cache, session, token) = with_cached_session();
    let minute = Duration::from_secs(60);
    assert!(is_found_at(&cache, &token, NOON + minute - Duration::from_millis(1)));
    assert_eq!(cache.take_last_seen(), []);

    for milliseconds in 0..3 {
        assert!(is_found_at(&cache, &token, NOON + minute + Duration::from_millis(milliseconds)));
    }
    assert_eq!(cache.take_last_seen(), [LastSeen { session: session.id, at: NOON + minute }]);

    assert!(is_found_at(&cache, &token, NOON + 2 * minute));
    assert_eq!(cache.take_last_seen(), [LastSeen { session: session.id, at: NOON + 2 * minute }]);
}

#[test]
fn a_use_extends_the_idle_timeout_but_not_the_absolute_lifetime() {
    let (cache, session, token) = with_cached_session();
    let last = session.ends_at() - Duration::from_millis(1);

    assert!(is_found_at(&cache, &token, last));
    assert!(is_found_at(&cache, &token, session.ends_at()), "the last use extended the idle timeout");
    let CacheLookup::Hit(principal) = cache.lookup(&token, last) else { panic!("the session is active") };
    assert_eq!(principal.expires_at(), session.expires_at.min(last + session.idle));

    assert!(!is_found_at(&cache, &token, session.expires_at));
}

#[test]
fn a_use_does_not_undo_an_invalidation() {
    for change in invalidating_changes(&cookie(1).0) {
        let (cache, session, token) = with_cached_session();
        assert!(is_found_at(&cache, &token, session.ends_at() - Duration::from_millis(1)));

        on_commit(&cache, change.clone());

        assert!(!is_found_at(&cache, &token, session.ends_at()), "{change:?}");
    }
}

#[test]
fn recorded_uses_are_sorted_by_session() {
    let cache = cache();
    for number in [3, 1, 2] {
        cache.record_last_seen(SessionId::from_bytes([number; 16]), NOON);
    }

    assert!(cache.take_last_seen().is_sorted_by_key(|used| used.session));
    assert_eq!(cache.take_last_seen(), []);
}

#[test]
fn unwritten_uses_are_bounded_in_number() {
    let cache = cache();
    for _ in 0..200_000 {
        cache.record_last_seen(SessionId::from_bytes([1; 16]), NOON);
    }

    assert_eq!(cache.take_last_seen().len(), 131_072);
}

#[test]
fn committed_log_entries_are_added_to_the_revocations() {
    let cache = cache();
    let entry = RevocationEntry {
        position: RevocationPosition::new(9),
        subject: RevocationSubject::Everyone,
        until: None,
    };

    cache.on_commit(&[], &AppliedChanges { entries: vec![entry], ..AppliedChanges::default() });

    assert_eq!(cache.revocations().head(), RevocationPosition::new(9));
}

#[test]
fn the_number_of_entries_is_bounded() {
    let cache = MemorySessionCache::new(64, Arc::new(Revocations::new()));
    for n in 0..10_000_u32 {
        let (mut session, _) = cookie(1);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        id[15] = n.to_le_bytes()[0];
        session.id = SessionId::from_bytes(id);
        cache.insert(&session, principal(), cache.version(session.id));
    }

    assert!(cache.len() <= 64, "{}", cache.len());
}
