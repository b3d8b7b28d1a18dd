//! The ends of sessions: by a logout, by an administrator, by a cutoff.

use std::num::NonZeroU32;

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{EndReason, Session};
use counterfoil_core::services::ServiceError;
use counterfoil_core::store::{Change, CommitOutcome, CutoffScope, NewRevocation, Page};
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_verify::{AuthError, ClientId, RevocationSubject, SessionId};

use crate::harness::{Engine, NOON, after, nowhere, revocation_context};

#[tokio::test]
async fn an_ended_session_is_invalid_in_every_mode_when_the_call_returns() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (session, access, pair) =
        (engine.session(NOON).await, engine.access(NOON).await, engine.pair(NOON).await);
    engine.authenticate_session(&session.credential, NOON).await.unwrap();
    engine.authenticate_access_token(&access.credential, NOON).await.unwrap();

    for id in [session.session.id, access.session.id, pair.session.id] {
        assert!(
            engine.revoker.end_session(id, &revocation_context(EndReason::ByUser), after(1)).await.unwrap()
        );
        assert!(
            !engine.revoker.end_session(id, &revocation_context(EndReason::ByUser), after(1)).await.unwrap(),
            "a session ends only once"
        );
    }

    assert!(matches!(
        engine.authenticate_session(&session.credential, after(1)).await,
        Err(AuthError::InvalidCredential(_))
    ));
    assert!(matches!(
        engine.authenticate_access_token(&access.credential, after(1)).await,
        Err(AuthError::InvalidCredential(_))
    ));
    assert!(matches!(
        engine.authenticate_access_token(&pair.credential.access, after(1)).await,
        Err(AuthError::InvalidCredential(_))
    ));
    let refreshed = engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(1)).await;
    assert!(matches!(
        refreshed,
        Err(ServiceError::Client(ClientError::Credential(InvalidCredential::Ended(_))))
    ));
}

#[tokio::test]
async fn ending_all_other_sessions_adds_one_log_entry_for_each() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let mine = engine.session(NOON).await;
    for _ in 0..3 {
        engine.pair(NOON).await;
    }
    let before = engine.store.revocation_log_head().await.unwrap();

    let ended = engine
        .revoker
        .end_user_sessions(ada.id, Some(mine.session.id), &revocation_context(EndReason::ByUser), after(1))
        .await;

    assert_eq!(ended.unwrap(), 3);
    let page = engine.store.revocation_log_after(before, NonZeroU32::MAX).await.unwrap();
    assert_eq!(page.entries.len(), 3);
    assert!(page.entries.iter().all(|entry| matches!(entry.subject, RevocationSubject::Session(_))));
    assert!(engine.authenticate_session(&mine.credential, after(1)).await.is_ok());
    let stored = engine.store.session(mine.session.id).await.unwrap().unwrap();
    assert_eq!(stored.pos, page.head, "the remaining session gets the new log position");
}

/// An attacker who opens very many sessions must not keep one of them.
#[tokio::test]
async fn ending_more_sessions_than_one_commit_ends_leaves_none_of_them() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (cookie, mine) = (engine.session(NOON).await, engine.access(NOON).await);
    for first in [0, 200, 400] {
        let copies = (first..first + 200_u128).map(|number| {
            let id = SessionId::from_bytes(number.to_be_bytes());
            Change::insert_session(Session { id, ..cookie.session.clone() })
        });
        let _ = engine.store.commit(&copies.collect::<Vec<_>>().into()).await.unwrap();
    }
    // Opened last, so it is among those that the first commit does not end.
    let access = engine.access(after(1)).await;
    let pair = engine.pair(after(1)).await;
    let by_user = revocation_context(EndReason::ByUser);

    let ended = engine.revoker.end_user_sessions(ada.id, Some(mine.session.id), &by_user, after(2)).await;

    assert_eq!(ended.unwrap(), 603);
    assert!(engine.authenticate_session(&cookie.credential, after(2)).await.is_err());
    assert!(engine.authenticate_access_token(&access.credential, after(2)).await.is_err());
    let refreshed = engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(2)).await;
    assert!(refreshed.is_err());
    assert!(engine.authenticate_access_token(&mine.credential, after(2)).await.is_ok());
    let page = Page { after: None, limit: 1000 };
    let live = engine.store.sessions_of(ada.id, page, after(2)).await.unwrap();
    assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [mine.session.id]);
    let ends =
        engine.audit_events().await.into_iter().filter(|event| event.kind == AuditEventKind::SessionEnded);
    assert_eq!(ends.count(), 603);
}

#[tokio::test]
async fn a_cutoff_revokes_sessions_and_refresh_tokens_without_a_log_entry() {
    for scope in ["user", "client", "everyone"] {
        let engine = Engine::start().await;
        let ada = engine.ada().await;
        let (session, pair) = (engine.session(NOON).await, engine.pair(NOON).await);
        engine.authenticate_session(&session.credential, NOON).await.unwrap();
        let scope = match scope {
            "user" => CutoffScope::User(ada.id),
            "client" => CutoffScope::Client(ClientId::default()),
            _ => CutoffScope::Everyone,
        };

        // Only the cutoff, as if the log entry had expired.
        let raised = engine.store.commit(&[Change::set_cutoff(scope.clone())].into()).await;
        assert!(matches!(raised, Ok(CommitOutcome::Applied(_))), "{scope:?}");

        assert!(engine.authenticate_session(&session.credential, after(1)).await.is_err(), "{scope:?}");
        let refreshed = engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(1)).await;
        assert!(
            matches!(
                refreshed,
                Err(ServiceError::Client(ClientError::Credential(InvalidCredential::RevokedByCutoff)))
            ),
            "{scope:?}"
        );
        let again = engine.session(after(2)).await;
        assert!(
            engine.authenticate_session(&again.credential, after(2)).await.is_ok(),
            "{scope:?}: a new session is valid"
        );
    }
}

#[tokio::test]
async fn a_log_entry_for_a_user_revokes_earlier_tokens_only() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let old = engine.access(NOON).await;
    let entry = Change::append_revocation(NewRevocation {
        subject: RevocationSubject::User(ada.id),
        reason: EndReason::ByAdmin,
        at: NOON,
        remember_until: Some(after(4000)),
        status_index: None,
    });
    assert!(matches!(engine.store.commit(&[entry].into()).await, Ok(CommitOutcome::Applied(_))));

    let new = engine.access(NOON).await;

    assert!(engine.authenticate_access_token(&old.credential, NOON).await.is_err());
    assert!(engine.authenticate_access_token(&new.credential, NOON).await.is_ok());
}

#[tokio::test]
async fn ended_sessions_stay_ended_when_the_clock_is_set_back() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (session, access) = (engine.session(after(1000)).await, engine.access(after(1000)).await);
    engine
        .revoker
        .end_session(session.session.id, &revocation_context(EndReason::Logout), after(1000))
        .await
        .unwrap();
    engine
        .revoker
        .end_session(access.session.id, &revocation_context(EndReason::Logout), after(1000))
        .await
        .unwrap();

    for now in [NOON, after(1000), after(1001)] {
        assert!(engine.authenticate_session(&session.credential, now).await.is_err());
        assert!(engine.authenticate_access_token(&access.credential, now).await.is_err());
    }
}

#[tokio::test]
async fn a_logout_revokes_an_access_token_within_the_leeway() {
    let engine = Engine::start().await;
    engine.ada().await;
    let access = engine.access(NOON).await;
    let late = after(3600 + 5);
    assert!(
        engine.authenticate_access_token(&access.credential, late).await.is_ok(),
        "the leeway of a verifier is not over"
    );

    assert!(
        engine
            .revoker
            .end_session(access.session.id, &revocation_context(EndReason::Logout), late)
            .await
            .unwrap()
    );

    assert!(engine.authenticate_access_token(&access.credential, late).await.is_err());
}
