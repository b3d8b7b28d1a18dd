//! When `Principal::ended` resolves for a session, in the process of the issuer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::administration::UserChange;
use counterfoil_verify::{CredentialEnd, Ended, RevocationSubject};

use crate::harness::{Engine, NOON, PASSWORD, revocation_context};

/// Long enough on a busy machine; no passing test waits for it.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// How long a future is observed that must not resolve.
const SHORT: Duration = Duration::from_millis(50);
/// Longer than a revocation log entry is kept.
const LONG_AFTER: Duration = Duration::from_secs(2 * 3600);

async fn end_of(ended: Ended) -> CredentialEnd {
    timeout(MAX_WAIT, ended).await.unwrap()
}

fn new_roles() -> UserChange {
    UserChange { roles: Some(vec!["staff".into()]), ..UserChange::default() }
}

#[tokio::test]
async fn a_logout_ends_a_session_token_and_an_access_token() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (cookie, access) = (engine.session(NOON).await, engine.access(NOON).await);
    let by_cookie = engine.authenticate_session(&cookie.credential, NOON).await.unwrap();
    let by_token = engine.authenticate_access_token(&access.credential, NOON).await.unwrap();
    for (principal, session) in [(by_cookie, cookie.session), (by_token, access.session)] {
        let mut ended = pin!(principal.ended());
        assert!(timeout(SHORT, &mut ended).await.is_err());

        engine.revoker.end_session(session.id, &revocation_context(EndReason::Logout), NOON).await.unwrap();

        assert_eq!(timeout(MAX_WAIT, ended).await, Ok(CredentialEnd::SessionEnded));
    }
}

#[tokio::test]
async fn the_end_of_all_other_sessions_does_not_end_the_current_one() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (current, other) = (engine.session(NOON).await, engine.session(NOON).await);
    let principal = engine.authenticate_session(&current.credential, NOON).await.unwrap();
    let others = engine.authenticate_session(&other.credential, NOON).await.unwrap();

    let context = revocation_context(EndReason::ByUser);
    engine.revoker.end_user_sessions(ada.id, Some(current.session.id), &context, NOON).await.unwrap();

    assert_eq!(end_of(others.ended()).await, CredentialEnd::SessionEnded);
    assert!(timeout(SHORT, principal.ended()).await.is_err());
}

#[tokio::test]
async fn a_session_ends_at_its_idle_timeout_which_other_requests_extend() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let principal = engine.authenticate_session(&opened.credential, NOON).await.unwrap();
    let first_end = principal.expires_at();
    engine.set_clock(first_end - Duration::from_millis(100));
    let mut ended = pin!(principal.ended());
    assert!(timeout(SHORT, &mut ended).await.is_err());

    let used = first_end - Duration::from_millis(1);
    let later = engine.authenticate_session(&opened.credential, used).await.unwrap();
    engine.set_clock(first_end);
    assert!(timeout(4 * SHORT, &mut ended).await.is_err(), "another request has extended it");

    engine.set_clock(later.expires_at());
    // The wait for the next look at the clock is longer than a test.
    assert_eq!(end_of(principal.ended()).await, CredentialEnd::Expired);
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_end_however_much_it_is_used() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let mut now = NOON;
    while now + opened.session.idle < opened.session.expires_at {
        now = now + opened.session.idle - Duration::from_secs(1);
        engine.authenticate_session(&opened.credential, now).await.unwrap();
        engine.store.record_last_seen(&engine.cache.take_last_seen()).await.unwrap();
    }
    let principal = engine.authenticate_session(&opened.credential, now).await.unwrap();
    engine.set_clock(opened.session.expires_at - Duration::from_millis(100));
    let mut ended = pin!(principal.ended());
    assert!(timeout(SHORT, &mut ended).await.is_err());

    engine.set_clock(opened.session.expires_at);

    assert_eq!(timeout(MAX_WAIT, ended).await, Ok(CredentialEnd::Expired));
}

#[tokio::test]
async fn a_change_of_the_roles_or_of_the_password_ends_the_credential_and_not_the_session() {
    for is_password in [false, true] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        let opened = engine.session(NOON).await;
        let principal = engine.authenticate_session(&opened.credential, NOON).await.unwrap();
        let mut ended = pin!(principal.ended());
        assert!(timeout(SHORT, &mut ended).await.is_err());

        if is_password {
            let passwords = (PASSWORD, "another horse battery");
            engine.change_password(&opened.session, passwords, NOON).await.unwrap();
        } else {
            let context = revocation_context(EndReason::ByAdmin);
            engine.administration.change_user(ada.id, &new_roles(), &context, NOON).await.unwrap();
        }

        assert_eq!(timeout(MAX_WAIT, ended).await, Ok(CredentialEnd::Revoked));
        // Also for a wait that starts when the log entry is removed.
        engine.cache.revocations().prune(NOON + LONG_AFTER);
        assert!(engine.cache.revocations().is_empty());
        assert_eq!(end_of(principal.ended()).await, CredentialEnd::Revoked);
    }
}

#[tokio::test]
async fn a_wait_that_starts_long_after_the_end_of_the_session_is_not_deceived() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let principal = engine.authenticate_session(&opened.credential, NOON).await.unwrap();
    let context = revocation_context(EndReason::Logout);
    engine.revoker.end_session(opened.session.id, &context, NOON).await.unwrap();

    engine.cache.revocations().prune(NOON + LONG_AFTER);

    assert!(engine.cache.revocations().is_empty());
    assert_eq!(end_of(principal.ended()).await, CredentialEnd::SessionEnded);
}

#[tokio::test]
async fn a_disabled_user_and_a_revocation_of_everyone_end_sessions() {
    for is_everyone in [false, true] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        let opened = engine.session(NOON).await;
        let principal = engine.authenticate_session(&opened.credential, NOON).await.unwrap();
        let mut ended = pin!(principal.ended());
        assert!(timeout(SHORT, &mut ended).await.is_err());

        let context = revocation_context(EndReason::ByAdmin);
        if is_everyone {
            engine.administration.revoke(&RevocationSubject::Everyone, None, &context, NOON).await.unwrap();
        } else {
            let change = UserChange { disabled: Some(true), ..UserChange::default() };
            engine.administration.change_user(ada.id, &change, &context, NOON).await.unwrap();
        }

        assert_eq!(timeout(MAX_WAIT, ended).await, Ok(CredentialEnd::SessionEnded));
    }
}

#[tokio::test]
async fn a_session_of_a_store_that_is_closed_is_not_accepted() {
    let engine = Engine::start().await;
    engine.ada().await;
    let opened = engine.session(NOON).await;
    let principal = engine.authenticate_session(&opened.credential, NOON).await.unwrap();
    let cache = Arc::downgrade(&engine.cache);

    engine.store.close().await.unwrap();
    drop(engine);

    assert_eq!(end_of(principal.ended()).await, CredentialEnd::Unavailable);
    assert!(cache.upgrade().is_none(), "principals do not keep the cache in memory");
}
