//! Logins in every mode, also while another change is made.

use std::sync::Arc;

use async_trait::async_trait;

use counterfoil_core::credentials::password::{PasswordHash, PlaintextPassword};
use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::client::Client;
use counterfoil_core::model::session::Mode;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::issuer::{AccessBounds, NewSession, TokenRequest};
use counterfoil_core::services::password_hasher::{
    HashingError, InlineHasher, PasswordHasher, Requester, Verification,
};
use counterfoil_core::store::{Change, CommitOutcome, Page};
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::Secret;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::ClientId;

use crate::harness::{CHEAP, Engine, GRACE, NOON, PASSWORD, after, credentials, nowhere};

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
