//! Minted tokens: for a user with a session of their own, for a machine without one.

use std::time::Duration;

use counterfoil_core::ClientError;
use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::issuer::{MintRequest, MintSubject, MintedToken};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::{Change, Page};
use counterfoil_verify::{AuthError, RevocationSubject};

use crate::harness::{Engine, NOON, after, nowhere, revocation_context};

fn operator() -> RevocationContext {
    RevocationContext { actor: Actor::Operator, reason: EndReason::ByAdmin, client_info: nowhere() }
}

fn minting(subject: MintSubject) -> MintRequest {
    MintRequest { subject, audience: None, scope: Some("orders:read".into()), lifetime: None }
}

fn machine(name: &str) -> MintRequest {
    minting(MintSubject::Machine(name.into()))
}

async fn mint(engine: &Engine, minting: &MintRequest) -> Result<MintedToken, ServiceError> {
    engine.issuer.mint(minting, &operator(), NOON).await
}

fn invalid_field(minted: Result<MintedToken, ServiceError>) -> &'static str {
    match minted {
        Err(ServiceError::Client(ClientError::Field { field, .. })) => field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_minted_for_a_user_has_a_session_that_can_be_ended() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;

    let minted = mint(&engine, &minting(MintSubject::User(ada.id))).await.unwrap();

    let principal = engine.authenticate_access_token(&minted.access, NOON).await.unwrap();
    assert_eq!((principal.user_id(), principal.session_id()), (Some(ada.id), minted.session));
    assert!(principal.has_scope("orders:read"));
    // A service can see that the user was not authenticated.
    assert_eq!(principal.amr(), ["operator"]);
    let page = Page { after: None, limit: 10 };
    let listed = engine.store.sessions_of(ada.id, page, NOON).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [minted.session.unwrap()]);

    let session = minted.session.unwrap();
    assert!(
        engine.revoker.end_session(session, &revocation_context(EndReason::ByAdmin), after(1)).await.unwrap()
    );
    assert!(engine.authenticate_access_token(&minted.access, after(1)).await.is_err());
}

#[tokio::test]
async fn a_token_minted_for_a_machine_can_be_revoked_by_its_id() {
    let engine = Engine::start().await;

    let minted = mint(&engine, &machine("nightly-report")).await.unwrap();

    let principal = engine.authenticate_access_token(&minted.access, NOON).await.unwrap();
    assert_eq!((principal.subject(), principal.user_id()), ("nightly-report", None));
    assert_eq!((principal.roles().len(), minted.session), (0, None));
    let subject = RevocationSubject::Token(minted.id);
    engine.administration.revoke(&subject, None, &operator(), after(1)).await.unwrap();
    assert!(matches!(
        engine.authenticate_access_token(&minted.access, after(1)).await,
        Err(AuthError::InvalidCredential(_))
    ));
}

#[tokio::test]
async fn minted_tokens_are_recorded_in_the_audit_log() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let for_ada = mint(&engine, &minting(MintSubject::User(ada.id))).await.unwrap();
    let for_machine = mint(&engine, &machine("ci")).await.unwrap();

    let minted: Vec<_> = engine
        .audit_events()
        .await
        .into_iter()
        .filter(|event| event.kind == AuditEventKind::TokenMinted)
        .collect();

    let [machine, user] = minted.as_slice() else { panic!("{minted:?}") };
    assert_eq!((&user.actor, user.user, user.session), (&Actor::Operator, Some(ada.id), for_ada.session));
    assert_eq!(user.detail.as_deref(), Some(&*for_ada.id.to_string()));
    assert_eq!(machine.detail.as_deref(), Some(&*format!("{} for ci", for_machine.id)));
}

/// A revocation is kept for the longest token lifetime of any client; a token with a longer lifetime would outlive it.
#[tokio::test]
async fn a_lifetime_longer_than_the_revocation_retention_is_rejected() {
    let engine = Engine::start().await;
    let hour = Duration::from_secs(3600);
    let with_lifetime = |lifetime| MintRequest { lifetime: Some(lifetime), ..machine("ci") };

    let minted = mint(&engine, &with_lifetime(hour)).await.unwrap();
    assert_eq!(minted.access.expires_at, NOON + hour);

    for lifetime in [hour + Duration::from_secs(1), Duration::ZERO, Duration::MAX] {
        assert_eq!(invalid_field(mint(&engine, &with_lifetime(lifetime)).await), "lifetime");
    }
}

#[tokio::test]
async fn a_machine_subject_must_be_a_valid_name_and_not_a_user_id() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    for name in ["", "a b", "ü", "a\n", &"a".repeat(129), &ada.id.to_string()] {
        assert_eq!(invalid_field(mint(&engine, &machine(name)).await), "subject", "{name:?}");
    }
}

#[tokio::test]
async fn no_token_is_minted_for_a_disabled_user() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let disabled = Change::replace_user(ada.disabled(NOON));
    assert!(engine.store.commit(&[disabled].into()).await.unwrap().applied().is_some());

    let minted = mint(&engine, &minting(MintSubject::User(ada.id))).await;

    assert!(matches!(minted, Err(ServiceError::Client(ClientError::LoginFailed(_)))), "{minted:?}");
}
