//! The username of a principal: it comes with the session record, and with the access token unless that is switched off.

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::issuer::{MintRequest, MintSubject, TokenRequest};
use counterfoil_verify::{AuthError, InvalidReason, SubjectKind};

use crate::harness::{Engine, NOON, after, nowhere, revocation_context};

#[tokio::test]
async fn every_credential_of_a_user_names_the_user() {
    let engine = Engine::start().await;
    let ada = engine.ada().await;
    let session = engine.session(NOON).await;
    let (jwt, pair) = (engine.access(NOON).await, engine.pair(NOON).await);
    let refreshed =
        engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(20)).await.unwrap();
    let (request, presented) = (TokenRequest::default(), (session.session.id, session.session.pos));
    let (exchanged, _) = engine.issuer.exchange(presented, None, &request, &nowhere(), NOON).await.unwrap();
    let mint = async |subject| {
        let request = MintRequest { subject, audience: None, scope: None, lifetime: None };
        engine.issuer.mint(&request, &revocation_context(EndReason::ByAdmin), NOON).await.unwrap().access
    };
    let minted = mint(MintSubject::User(ada.id)).await;

    for access in
        [&jwt.credential, &pair.credential.access, &refreshed.credential.access, &exchanged, &minted]
    {
        let principal = engine.authenticate_access_token(access, NOON).await.unwrap();
        assert_eq!(principal.username(), Some("ada"));
        assert_eq!(principal.subject(), ada.id.to_string());
    }
    // The second time from the cache.
    for _ in 0..2 {
        let principal = engine.authenticate_session(&session.credential, NOON).await.unwrap();
        assert_eq!(principal.username(), Some("ada"));
    }
    let machine = mint(MintSubject::Machine("nightly-report".into())).await;
    assert_eq!(engine.authenticate_access_token(&machine, NOON).await.unwrap().username(), None);
}

#[tokio::test]
async fn the_claim_can_be_switched_off() {
    let engine = Engine::start().await.without_username_claim();
    engine.ada().await;

    let access = engine.access(NOON).await.credential;

    assert_eq!(engine.authenticate_access_token(&access, NOON).await.unwrap().username(), None);
    let session = engine.session(NOON).await;
    let principal = engine.authenticate_session(&session.credential, NOON).await.unwrap();
    assert_eq!(principal.username(), Some("ada"), "a session token carries no name");
}

#[tokio::test]
async fn a_revoked_access_token_says_to_the_log_why_its_session_ended() {
    let engine = Engine::start().await;
    engine.ada().await;
    for reason in [EndReason::Logout, EndReason::ByAdmin] {
        let jwt = engine.access(NOON).await;
        engine.revoker.end_session(jwt.session.id, &revocation_context(reason), NOON).await.unwrap();

        let refused = engine.authenticate_access_token(&jwt.credential, NOON).await;

        let because =
            InvalidReason::RevokedBecause { subject: SubjectKind::Session, reason: reason.phrase() };
        assert_eq!(refused, Err(AuthError::InvalidCredential(because)));
    }
    let session = engine.session(NOON).await;
    let context = revocation_context(EndReason::Logout);
    engine.revoker.end_session(session.session.id, &context, NOON).await.unwrap();
    let refused = engine.authenticate_session(&session.credential, NOON).await.unwrap_err();
    assert_eq!(refused.failure_reason().message(), "revoked: session ended by logout");
    assert_eq!(refused.to_string(), "the credential is not valid", "the client learns nothing");
}
