//! A password change replaces the credentials of the session in which it is made.

use std::sync::Arc;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{Mode, Session};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::issuer::{
    AccessBounds, ClaimsProvider, IssuedAccessToken, PresentedForChange, RenewedCredential, TokenPair,
    TokenRequest,
};
use counterfoil_core::store::Page;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::{Secret, Time};
use serde_json::json;

use crate::harness::{Engine, NOON, PASSWORD, after, credentials, nowhere};

const NEW: &str = "another horse altogether";

/// Changes the password in this session with this access token, which is `None` for a session token.
async fn change_with(
    engine: &Engine,
    session: &Session,
    access: Option<&AccessBounds>,
    now: Time,
) -> Result<RenewedCredential, ServiceError> {
    let (from, passwords) = (nowhere(), (Secret::new(PASSWORD.to_owned()), Secret::new(NEW.to_owned())));
    let passwords = (&passwords.0, &passwords.1);
    let change =
        engine.accounts.authorize_password_change(session.user, session.id, passwords, &from, now).await?;
    let presented = PresentedForChange { session: session.id, access, max_token_length: None };
    Ok(engine.issuer.change_password(change, &presented, &from, now).await?.credential)
}

fn access_token(credential: RenewedCredential) -> IssuedAccessToken {
    match credential {
        RenewedCredential::AccessToken(access) => access,
        other => panic!("{other:?}"),
    }
}

fn pair(credential: RenewedCredential) -> TokenPair {
    match credential {
        RenewedCredential::TokenPair(pair) => pair,
        other => panic!("{other:?}"),
    }
}

async fn refresh_error(engine: &Engine, token: &RefreshToken, now: Time) -> InvalidCredential {
    match engine.issuer.refresh(token, None, &nowhere(), now).await {
        Err(ServiceError::Client(ClientError::Credential(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_access_tokens_of_the_session_are_invalid_and_the_new_one_is_valid_in_the_same_millisecond() {
    let engine = Engine::start().await;
    engine.ada().await;
    let login = engine.access(NOON).await;
    let request = TokenRequest { audience: None, scope: None };
    let presented = (login.session.id, login.session.pos);
    let exchanged = engine.issuer.exchange(presented, None, &request, &nowhere(), NOON).await.unwrap();

    let changed = engine.change_password(&login.session, (PASSWORD, NEW), NOON).await.unwrap();

    let renewed = access_token(changed.credential);
    assert!(engine.authenticate_access_token(&login.credential, NOON).await.is_err());
    assert!(engine.authenticate_access_token(&exchanged.0, NOON).await.is_err());
    let principal = engine.authenticate_access_token(&renewed, NOON).await.unwrap();
    assert_eq!(principal.session_id(), Some(login.session.id));
    assert_eq!(renewed.expires_at, login.credential.expires_at, "the session ends when it would have ended");
}

#[tokio::test]
async fn a_token_that_is_exchanged_for_a_former_credential_during_the_change_is_invalid() {
    for mode in [Mode::Session, Mode::Jwt] {
        let engine = Engine::start().await;
        engine.ada().await;
        let session = match mode {
            Mode::Jwt => engine.access(NOON).await.session,
            Mode::Session | Mode::Hybrid => engine.session(NOON).await.session,
        };
        let request = TokenRequest::default();
        // The thief's credential is checked, then the owner changes the password, then the token is issued.
        let position = engine.store.revocation_log_head().await.unwrap();
        engine.change_password(&session, (PASSWORD, NEW), NOON).await.unwrap();

        let presented = (session.id, position);
        let stolen = engine.issuer.exchange(presented, None, &request, &nowhere(), NOON).await.unwrap();
        assert!(engine.authenticate_access_token(&stolen.0, NOON).await.is_err(), "{mode:?}");

        let presented = (session.id, engine.store.revocation_log_head().await.unwrap());
        let own = engine.issuer.exchange(presented, None, &request, &nowhere(), NOON).await.unwrap();
        assert!(engine.authenticate_access_token(&own.0, NOON).await.is_ok(), "{mode:?}");
    }
}

#[tokio::test]
async fn a_former_refresh_token_is_unknown_and_ends_nothing() {
    let engine = Engine::start().await;
    engine.ada().await;
    let login = engine.pair(NOON).await;
    let second = engine.issuer.refresh(&login.credential.refresh, None, &nowhere(), after(1)).await.unwrap();

    let changed = engine.change_password(&second.session, (PASSWORD, NEW), after(2)).await.unwrap();

    let renewed = pair(changed.credential);
    for (former, now) in [(&second.credential.refresh, 3), (&login.credential.refresh, 3)] {
        assert_eq!(refresh_error(&engine, former, after(now)).await, InvalidCredential::Unknown);
        assert_eq!(refresh_error(&engine, former, after(now + 60)).await, InvalidCredential::Unknown);
    }
    assert!(engine.authenticate_access_token(&second.credential.access, after(3)).await.is_err());
    assert!(engine.authenticate_access_token(&renewed.access, after(3)).await.is_ok());
    let next = engine.issuer.refresh(&renewed.refresh, None, &nowhere(), after(60)).await.unwrap();
    assert_eq!(next.session.id, login.session.id);
    let kinds: Vec<_> = engine.audit_events().await.iter().map(|event| event.kind).collect();
    assert!(!kinds.contains(&AuditEventKind::RefreshReuseDetected), "{kinds:?}");
}

/// A program with a limited token must not get more than the token allows, even if it knows the password.
#[tokio::test]
async fn a_limited_token_gets_a_token_with_the_same_limits() {
    let engine = Engine::start().await;
    engine.ada().await;
    let hybrid = engine.pair(NOON).await;
    let limits = AccessBounds { expires_at: after(300), scope: Some("counterfoil:account".into()) };

    let changed = change_with(&engine, &hybrid.session, Some(&limits), after(1)).await;

    let renewed = access_token(changed.unwrap());
    let principal = engine.authenticate_access_token(&renewed, after(1)).await.unwrap();
    assert_eq!(principal.scopes().collect::<Vec<_>>(), ["counterfoil:account"]);
    assert_eq!(renewed.expires_at, after(300));
    assert_eq!(
        refresh_error(&engine, &hybrid.credential.refresh, after(2)).await,
        InvalidCredential::Unknown
    );
}

#[tokio::test]
async fn an_access_token_of_a_cookie_session_gets_no_session_token() {
    let engine = Engine::start().await;
    engine.ada().await;
    let login = engine.session(NOON).await;
    let limits = AccessBounds { expires_at: after(300), scope: None };

    let renewed = access_token(change_with(&engine, &login.session, Some(&limits), after(1)).await.unwrap());

    assert!(engine.authenticate_session(&login.credential, after(1)).await.is_err());
    assert!(engine.authenticate_access_token(&renewed, after(1)).await.is_ok());
    assert_eq!(renewed.expires_at, after(300));
}

#[tokio::test]
async fn an_expired_limited_token_changes_nothing() {
    let engine = Engine::start().await;
    engine.ada().await;
    let login = engine.session(NOON).await;
    let limits = AccessBounds { expires_at: after(1), scope: None };

    assert!(change_with(&engine, &login.session, Some(&limits), after(1)).await.is_err());

    assert!(engine.authenticate_session(&login.credential, after(1)).await.is_ok());
    assert!(engine.authenticate("ada", PASSWORD, after(1)).await.is_ok());
}

#[tokio::test]
async fn a_token_that_cannot_be_issued_leaves_the_password_as_it_was() {
    let engine = Engine::start().await;
    engine.ada().await;
    let login = engine.pair(NOON).await;
    let engine = engine.with_claims(ClaimsProvider::new(|_| json!({ "sub": "root" })));

    assert!(engine.change_password(&login.session, (PASSWORD, NEW), after(1)).await.is_err());

    assert!(engine.authenticate("ada", PASSWORD, after(1)).await.is_ok());
    assert!(engine.authenticate_access_token(&login.credential.access, after(1)).await.is_ok());
}

#[tokio::test]
async fn of_two_concurrent_password_changes_one_fails() {
    let engine = Arc::new(Engine::start().await);
    engine.ada().await;
    let login = engine.session(NOON).await;
    let (first, second) = tokio::join!(
        engine.change_password(&login.session, (PASSWORD, NEW), after(1)),
        engine.change_password(&login.session, (PASSWORD, "a third horse altogether"), after(1)),
    );

    assert_eq!([&first, &second].into_iter().filter(|result| result.is_ok()).count(), 1);
    assert!(engine.authenticate_session(&login.credential, after(2)).await.is_err());
}

#[tokio::test]
async fn without_a_session_every_session_of_the_user_ends() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let (session, pair) = (engine.session(NOON).await, engine.pair(NOON).await);
    let new = Secret::new(NEW.to_owned());

    let presented = credentials("ada", PASSWORD);
    let change =
        engine.accounts.authorize_password_change_by_login(&presented, &new, &nowhere(), after(1)).await;
    engine.accounts.change_password(change.unwrap(), &nowhere(), after(1)).await.unwrap();

    assert!(engine.authenticate_session(&session.credential, after(1)).await.is_err());
    assert!(engine.authenticate_access_token(&pair.credential.access, after(1)).await.is_err());
    let page = Page { after: None, limit: 10 };
    assert!(engine.store.sessions_of(ada.id, page, after(1)).await.unwrap().is_empty());
    assert!(engine.authenticate("ada", NEW, after(1)).await.is_ok());
}

/// The answer confirms the current password, so it must be in the audit log, and a wrong password must not get it.
#[tokio::test]
async fn a_rejected_new_password_without_a_session_is_recorded_only_after_the_right_current_one() {
    let engine = Engine::start().await;
    engine.ada().await;
    let new = Secret::new("ada-ada-ada".to_owned());
    let change = async |password| {
        let presented = credentials("ada", password);
        engine.accounts.authorize_password_change_by_login(&presented, &new, &nowhere(), NOON).await
    };

    let wrong = change("wrong horse battery").await;
    assert!(matches!(wrong, Err(ServiceError::Client(ClientError::LoginFailed(_)))), "{wrong:?}");
    let rejected = change(PASSWORD).await;
    assert!(
        matches!(
            rejected,
            Err(ServiceError::Client(ClientError::RefusedValue { field: "new_password", .. }))
        ),
        "{rejected:?}"
    );

    let events = engine.audit_events().await;
    let reasons = |kind| -> Vec<_> {
        events.iter().filter(|event| event.kind == kind).map(|event| event.detail.as_deref()).collect()
    };
    assert_eq!(reasons(AuditEventKind::LoginFailed), [Some("wrong password")]);
    assert_eq!(reasons(AuditEventKind::PasswordChangeFailed), [Some("new password refused")]);
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
