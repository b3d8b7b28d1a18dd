//! The application's own ids of users: unique, in every credential, and revoked when they change.

use serde_json::{Value, json};

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::model::session::EndReason;
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::Registration;
use counterfoil_core::services::administration::UserChange;
use counterfoil_core::services::issuer::NewSession;
use counterfoil_jose::Secret;

use crate::harness::{Engine, NOON, PASSWORD, after, nowhere, revocation_context};

async fn set_id(engine: &Engine, user: &User, id: Option<Value>) -> Result<User, ServiceError> {
    let change = UserChange { external_id: Some(id), ..UserChange::default() };
    let context = revocation_context(EndReason::ByAdmin);
    engine.administration.change_user(user.id, &change, &context, NOON).await
}

async fn register_with(engine: &Engine, name: &str, id: Value) -> Result<User, ServiceError> {
    let registration = Registration {
        username: name.into(),
        password: Secret::new(PASSWORD.into()),
        email: None,
        roles: Vec::new(),
        external_id: Some(id),
    };
    engine.accounts.register(registration, Actor::Operator, &nowhere(), NOON).await
}

fn is_refused<T>(result: &Result<T, ServiceError>) -> bool {
    matches!(result, Err(ServiceError::Client(ClientError::Field { field: "external_id", .. })))
}

#[tokio::test]
async fn every_credential_of_a_user_states_the_external_id() {
    let engine = Engine::start().await;
    for (name, id) in [("ada", json!(42)), ("bob", json!("42"))] {
        register_with(&engine, name, id.clone()).await.unwrap();
        let login = || async { engine.authenticate(name, PASSWORD, NOON).await.unwrap() };
        let new_session = NewSession::default;

        let session = engine.issuer.issue_session(login().await, new_session(), NOON).await.unwrap();
        let pair = engine.issuer.issue_token_pair(login().await, new_session(), NOON).await.unwrap();
        let refresh = &pair.credential.refresh;
        let refreshed = engine.issuer.refresh(refresh, None, &nowhere(), after(60)).await.unwrap();

        let by_cookie = engine.authenticate_session(&session.credential, NOON).await.unwrap();
        let by_token = engine.authenticate_access_token(&pair.credential.access, NOON).await.unwrap();
        let by_next = engine.authenticate_access_token(&refreshed.credential.access, NOON).await.unwrap();
        for principal in [by_cookie, by_token, by_next] {
            assert_eq!(principal.claim("external_id"), Some(&id));
        }
    }
}

#[tokio::test]
async fn no_two_users_have_one_external_id() {
    let engine = Engine::start().await;
    let ada = register_with(&engine, "ada", json!(7)).await.unwrap();
    let bob = engine.register("bob").await;

    assert!(is_refused(&register_with(&engine, "eve", json!(7)).await));
    assert!(is_refused(&set_id(&engine, &bob, Some(json!(7))).await));
    assert!(is_refused(&set_id(&engine, &bob, Some(json!("a b"))).await));
    assert!(set_id(&engine, &ada, None).await.unwrap().external_id.is_none());
    assert!(set_id(&engine, &bob, Some(json!(7))).await.is_ok());
}

#[tokio::test]
async fn a_changed_external_id_revokes_access_tokens_and_keeps_sessions() {
    let engine = Engine::start().await;
    let ada = register_with(&engine, "ada", json!("old")).await.unwrap();
    let (session, access) = (engine.session(NOON).await, engine.access(NOON).await);
    let in_progress = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();
    engine.authenticate_session(&session.credential, NOON).await.unwrap();

    set_id(&engine, &ada, Some(json!("new"))).await.unwrap();

    assert!(engine.authenticate_access_token(&access.credential, NOON).await.is_err());
    let principal = engine.authenticate_session(&session.credential, NOON).await.unwrap();
    assert_eq!(principal.claim("external_id"), Some(&json!("new")));
    let issued = engine.issuer.issue_access_token(in_progress, NewSession::default(), NOON).await.unwrap();
    let principal = engine.authenticate_access_token(&issued.credential, NOON).await.unwrap();
    assert_eq!(principal.claim("external_id"), Some(&json!("new")));
    let events = engine.audit_events().await;
    assert!(events.iter().any(|event| event.kind == AuditEventKind::ExternalIdChanged));
}
