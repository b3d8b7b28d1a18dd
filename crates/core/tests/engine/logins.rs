//! Logins in every mode, and the ends of their sessions.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use counterfoil_core::credentials::password::{PasswordHash, PlaintextPassword};
use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::client::{Client, Lifetimes};
use counterfoil_core::model::session::{EndReason, Mode, Session};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::issuer::{AccessBounds, NewSession, RenewedCredential, TokenRequest};
use counterfoil_core::services::password_hasher::{
    HashingError, InlineHasher, PasswordHasher, Requester, Verification,
};
use counterfoil_core::store::{Change, CommitOutcome, CutoffScope, NewRevocation, Page};
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::Secret;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{AuthError, ClientId, RevocationSubject, SessionId};

use crate::harness::{CHEAP, Engine, GRACE, NOON, PASSWORD, after, credentials, nowhere, revocation_context};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.into())
}

#[tokio::test]
async fn logins_of_all_modes_are_listed_as_sessions() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (session, access, pair) =
        (engine.session(NOON).await, engine.access(after(1)).await, engine.pair(after(2)).await);

    assert_eq!(
        engine.authenticate_session(&session.credential, after(3)).await.unwrap().user_id(),
        Some(ada.id)
    );
    assert_eq!(
        engine.authenticate_access_token(&access.credential, after(3)).await.unwrap().user_id(),
        Some(ada.id)
    );
    assert_eq!(
        engine.authenticate_access_token(&pair.credential.access, after(3)).await.unwrap().user_id(),
        Some(ada.id)
    );
    let list = engine.store.sessions_of(ada.id, Page { after: None, limit: 10 }, after(3)).await.unwrap();
    let modes: Vec<_> = list.iter().map(|session| session.mode().as_str()).collect();
    assert_eq!(modes, ["hybrid", "jwt", "session"]);
}

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
async fn unknown_user_disabled_user_and_wrong_password_get_the_same_error() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let bob = engine.register("bob").await;
    let disabled = Change::replace_user(bob.disabled(NOON));
    assert!(matches!(engine.store.commit(&[disabled].into()).await, Ok(CommitOutcome::Applied(_))));

    for (name, password) in [
        ("ada", "wrong horse battery"),
        ("bob", PASSWORD),
        ("unknown", PASSWORD),
        ("a@b", PASSWORD),
        ("\0", ""),
    ] {
        let authenticated = engine.authenticate(name, password, NOON).await;
        assert!(
            matches!(authenticated, Err(ServiceError::Client(ClientError::LoginFailed(_)))),
            "{name}: {authenticated:?}"
        );
    }
    let failed: Vec<_> = engine
        .audit_events()
        .await
        .into_iter()
        .filter(|event| event.kind == AuditEventKind::LoginFailed)
        .map(|event| (event.user, event.detail.unwrap_or_default()))
        .collect();
    let unknown = (None, "no such user".into());
    let disabled = (Some(bob.id), "the user is disabled".into());
    let wrong = (Some(ada.id), "wrong password".into());
    assert_eq!(
        failed,
        [unknown.clone(), unknown.clone(), unknown, disabled, wrong],
        "the audit log names the known users, and the reasons"
    );
}

#[tokio::test]
async fn usernames_that_differ_only_in_case_are_the_same_user() {
    let engine = Engine::start().await;
    engine.register("Straße").await;

    assert!(engine.authenticate("STRASSE", PASSWORD, NOON).await.is_ok());
    let registration = counterfoil_core::services::account::Registration {
        username: "strasse".into(),
        password: secret(PASSWORD),
        email: None,
        roles: Vec::new(),
        external_id: None,
    };
    let actor = counterfoil_core::model::audit_event::Actor::Anonymous;
    let taken = engine.accounts.register(registration, actor, &nowhere(), NOON).await;
    assert!(matches!(taken, Err(ServiceError::Client(ClientError::UsernameTaken))));
}

/// A hasher that runs a concurrent action during a verification.
struct Interrupted {
    inner: InlineHasher,
    concurrent: tokio::sync::Mutex<Option<action::Action>>,
}

mod action {
    use std::future::Future;
    use std::pin::Pin;

    pub(super) type Action = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;
}

#[async_trait]
impl PasswordHasher for Interrupted {
    async fn hash(
        &self,
        password: PlaintextPassword,
        requester: Requester,
    ) -> Result<PasswordHash, HashingError> {
        self.inner.hash(password, requester).await
    }

    async fn verify(
        &self,
        password: PlaintextPassword,
        stored: Option<PasswordHash>,
        requester: Requester,
    ) -> Result<Verification, HashingError> {
        let check = self.inner.verify(password, stored, requester).await;
        if let Some(action) = self.concurrent.lock().await.take() {
            action().await;
        }
        check
    }
}

#[tokio::test]
async fn a_login_concurrent_with_a_password_change_fails() {
    let store = SqliteStore::in_memory().unwrap();
    let quick = Arc::new(InlineHasher::new(CHEAP).unwrap());
    let owner = Arc::new(Engine::on(store.clone(), quick, GRACE, None).await);
    let ada = owner.ada().await;
    let interrupted = Arc::new(Interrupted {
        inner: InlineHasher::new(CHEAP).unwrap(),
        concurrent: tokio::sync::Mutex::default(),
    });
    let thief = Engine::on(store, interrupted.clone(), GRACE, None).await;
    let changing = owner.clone();
    *interrupted.concurrent.lock().await = Some(Box::new(move || {
        Box::pin(async move {
            let new = secret("another horse altogether");
            let accounts = &changing.accounts;
            let change = accounts
                .authorize_password_change_by_login(&credentials("ada", PASSWORD), &new, &nowhere(), NOON)
                .await
                .unwrap();
            accounts.change_password(change, &nowhere(), NOON).await.unwrap();
        })
    }));

    // The old password is right when it is verified, and wrong when the session is issued.
    let authenticated = thief.authenticate("ada", PASSWORD, NOON).await.unwrap();
    let opened = thief.issuer.issue_session(authenticated, NewSession::default(), NOON).await;

    assert!(matches!(opened, Err(ServiceError::Client(ClientError::LoginFailed(_)))), "{opened:?}");
    let page = Page { after: None, limit: 10 };
    assert!(owner.store.sessions_of(ada.id, page, NOON).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_login_concurrent_with_a_role_change_gets_the_new_roles() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    let with_roles = Change::replace_user(ada.with_roles(vec!["editor".into()]));
    assert!(matches!(engine.store.commit(&[with_roles].into()).await, Ok(CommitOutcome::Applied(_))));

    let opened = engine.issuer.issue_session(authenticated, NewSession::default(), NOON).await.unwrap();

    assert_eq!(opened.user.roles, ["editor"]);
    let principal = engine.authenticate_session(&opened.credential, NOON).await.unwrap();
    assert!(principal.has_role("editor"));
}

#[tokio::test]
async fn a_password_change_ends_all_other_sessions_of_the_user() {
    let engine = Engine::start().await;
    engine.ada().await;
    let (mine, other, pair) =
        (engine.session(NOON).await, engine.session(NOON).await, engine.pair(NOON).await);
    engine.authenticate_session(&other.credential, NOON).await.unwrap();

    let new = "another horse altogether";
    let changed = engine.change_password(&mine.session, (PASSWORD, new), after(1)).await.unwrap();

    let RenewedCredential::SessionToken(renewed) = changed.credential else { panic!("{changed:?}") };
    assert!(engine.authenticate_session(&renewed, after(2)).await.is_ok());
    assert!(engine.authenticate_session(&mine.credential, after(2)).await.is_err());
    assert!(engine.authenticate_session(&other.credential, after(2)).await.is_err());
    assert!(engine.authenticate_access_token(&pair.credential.access, after(2)).await.is_err());
    assert!(engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(2)).await.is_err());
    assert!(engine.authenticate("ada", PASSWORD, after(2)).await.is_err());
    assert!(engine.authenticate("ada", "another horse altogether", after(2)).await.is_ok());
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing_and_is_recorded() {
    let engine = Engine::start().await;
    engine.ada().await;
    let other = engine.session(NOON).await;

    let passwords = ("wrong horse battery", "another horse altogether");
    let changed = engine.change_password(&other.session, passwords, NOON).await;

    assert!(matches!(changed, Err(ServiceError::Client(ClientError::PasswordChangeFailed(_)))));
    assert!(engine.authenticate_session(&other.credential, NOON).await.is_ok());
    let events = engine.audit_events().await;
    let failed = events.iter().find(|event| event.kind == AuditEventKind::PasswordChangeFailed).unwrap();
    assert_eq!(failed.detail.as_deref(), Some("wrong password"));
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
async fn a_login_ends_the_session_that_it_replaces() {
    let engine = Engine::start().await;
    engine.ada().await;
    let old = engine.session(NOON).await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

    let new_session = NewSession { replaces: Some(old.session.id), ..NewSession::default() };
    let new = engine.issuer.issue_session(authenticated, new_session, after(1)).await.unwrap();

    assert_ne!(new.session.id, old.session.id);
    assert!(engine.authenticate_session(&old.credential, after(1)).await.is_err());
    assert!(engine.authenticate_session(&new.credential, after(1)).await.is_ok());
}

#[tokio::test]
async fn use_extends_a_session_up_to_its_absolute_lifetime() {
    let engine = Engine::start().await;
    engine.ada().await;
    let used = engine.session(NOON).await;
    let idle = engine.session(NOON).await;

    let day = 86_400;
    for hour in 1..=30 {
        engine.authenticate_session(&used.credential, after(hour * 3600)).await.unwrap();
    }

    assert!(engine.authenticate_session(&used.credential, after(30 * 3600 + day - 1)).await.is_ok());
    assert!(engine.authenticate_session(&idle.credential, after(day)).await.is_err());
    let mut now = after(30 * 3600 + day - 1);
    while now < after(30 * day) {
        engine.authenticate_session(&used.credential, now).await.unwrap();
        now = now + Duration::from_secs(day - 61);
    }
    assert!(
        engine.authenticate_session(&used.credential, after(30 * day)).await.is_err(),
        "the absolute lifetime is over"
    );
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

#[tokio::test]
async fn a_session_in_constant_use_outlives_a_short_idle_timeout() {
    let engine = Engine::start().await;
    engine.ada().await;
    let client = engine.store.client(&ClientId::default()).await.unwrap().unwrap();
    let lifetimes = Lifetimes { session_idle: 10, ..client.lifetimes };
    let short = Client { lifetimes, revision: client.revision + 1, ..client };
    let changed = engine.store.commit(&[Change::replace_client(short)].into()).await;
    assert!(matches!(changed, Ok(CommitOutcome::Applied(_))));
    let session = engine.session(NOON).await;

    for second in 0..100 {
        assert!(
            engine.authenticate_session(&session.credential, after(second)).await.is_ok(),
            "second {second}"
        );
    }
    assert!(engine.authenticate_session(&session.credential, after(110)).await.is_err());
}

/// A session that has idled is deleted soon. A token that is valid for longer could not be revoked by its session.
#[tokio::test]
async fn an_access_token_does_not_outlive_the_idle_timeout_of_its_session() {
    let engine = Engine::start().await;
    engine.ada().await;
    let client = engine.store.client(&ClientId::default()).await.unwrap().unwrap();
    let lifetimes = Lifetimes { access: 3_600, refresh_idle: 60, ..client.lifetimes };
    let short = Client { lifetimes, revision: client.revision + 1, ..client };
    let changed = engine.store.commit(&[Change::replace_client(short)].into()).await;
    assert!(matches!(changed, Ok(CommitOutcome::Applied(_))));

    let pair = engine.pair(NOON).await.credential;
    let principal = engine.authenticate_access_token(&pair.access, NOON).await.unwrap();
    assert_eq!(principal.expires_at(), after(60));

    let refreshed =
        engine.issuer.refresh(&pair.refresh, None, &nowhere(), after(50)).await.unwrap().credential;
    let principal = engine.authenticate_access_token(&refreshed.access, after(50)).await.unwrap();
    assert_eq!(principal.expires_at(), after(110));
}

#[tokio::test]
async fn a_concurrent_login_fails_if_its_client_loses_the_mode() {
    let engine = Engine::start().await;
    engine.ada().await;
    let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    let client = engine.store.client(&ClientId::default()).await.unwrap().unwrap();
    let narrowed = Client { modes: vec![Mode::Jwt], revision: client.revision + 1, ..client };
    let changed = engine.store.commit(&[Change::replace_client(narrowed)].into()).await;
    assert!(matches!(changed, Ok(CommitOutcome::Applied(_))));

    let opened = engine.issuer.issue_session(authenticated, NewSession::default(), NOON).await;

    assert!(matches!(opened, Err(ServiceError::Client(ClientError::LoginFailed(_)))));
}

#[tokio::test]
async fn a_token_exchange_cannot_widen_the_scope_or_lifetime() {
    let engine = Engine::start().await;
    engine.ada().await;
    let session = engine.session(NOON).await.session;
    let session = (session.id, session.pos);
    let wanted = |scope: &str| TokenRequest { audience: None, scope: Some(scope.into()) };

    let (access, scope) =
        engine.issuer.exchange(session, None, &wanted("read write"), &nowhere(), NOON).await.unwrap();
    assert_eq!(scope.as_deref(), Some("read write"));
    assert_eq!(access.expires_at, after(900));

    let over = AccessBounds { expires_at: NOON, scope: None };
    let late = engine.issuer.exchange(session, Some(&over), &TokenRequest::default(), &nowhere(), NOON).await;
    assert!(
        matches!(late, Err(ServiceError::Client(ClientError::Credential(InvalidCredential::Expired)))),
        "an exchange has no leeway"
    );
    let bounds = AccessBounds { expires_at: after(60), scope: Some("read".into()) };
    let (short, _) =
        engine.issuer.exchange(session, Some(&bounds), &wanted("read"), &nowhere(), NOON).await.unwrap();
    assert_eq!(short.expires_at, after(60));
    for wider in ["write", "read write", "", "read ", " "] {
        let rejected = engine.issuer.exchange(session, Some(&bounds), &wanted(wider), &nowhere(), NOON).await;
        assert!(matches!(rejected, Err(ServiceError::Client(ClientError::NotGranted("scope")))), "{wider:?}");
    }
}
