//! Configured claims: they are in every access token of a user, and never replace a claim of the issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::issuer::{
    ClaimsError, ClaimsProvider, MintRequest, MintSubject, NewSession, TokenRequest,
};
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::store::Page;

use crate::harness::{Engine, NOON, PASSWORD, after, nowhere, revocation_context};

fn claims_error<T: std::fmt::Debug>(issued: Result<T, ServiceError>) -> ClaimsError {
    match issued {
        Err(ServiceError::Internal(InternalError::Claims(error))) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_access_token_of_a_user_has_the_configured_claims() {
    let claims = ClaimsProvider::new(|context| {
        json!({
            "tenant": { "user": context.user_id(), "name": context.username(), "email": context.email() },
            "through": context.client_id(),
            "in": context.session_id().to_string(),
            "member": context.attribute("username"),
            "unknown": context.attribute("shoe_size"),
        })
    });
    let engine = Engine::start().await.with_claims(claims);
    let ada = engine.ada().await;
    let (jwt, pair) = (engine.access(NOON).await, engine.pair(NOON).await);
    let refreshed =
        engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(20)).await.unwrap();
    let session = engine.session(NOON).await;
    let (request, presented) = (TokenRequest::default(), (session.session.id, session.session.pos));
    let (exchanged, _) = engine.issuer.exchange(presented, None, &request, &nowhere(), NOON).await.unwrap();
    let minting =
        MintRequest { subject: MintSubject::User(ada.id), audience: None, scope: None, lifetime: None };
    let context = revocation_context(EndReason::ByAdmin);
    let minted = engine.issuer.mint(&minting, &context, NOON).await.unwrap();

    for (access, sid) in [
        (&jwt.credential, jwt.session.id),
        (&pair.credential.access, pair.session.id),
        (&refreshed.credential.access, pair.session.id),
        (&exchanged, session.session.id),
        (&minted.access, minted.session.unwrap()),
    ] {
        let principal = engine.authenticate_access_token(access, NOON).await.unwrap();
        let tenant = json!({ "user": ada.id, "name": "ada", "email": null });
        assert_eq!(principal.claim("tenant"), Some(&tenant));
        assert_eq!(principal.claim("through"), Some(&json!("default")));
        assert_eq!(principal.claim("in"), Some(&json!(sid.to_string())));
        assert_eq!(principal.claim("member"), Some(&json!("ada")));
        assert_eq!(principal.claim("unknown"), Some(&Value::Null));
    }
    let by_cookie = engine.authenticate_session(&session.credential, NOON).await.unwrap();
    assert_eq!(by_cookie.claim("tenant"), None, "a session token has no configured claims");
}

#[tokio::test]
async fn a_claim_with_a_reserved_name_is_refused_and_no_session_is_opened() {
    for name in [
        "iss",
        "aud",
        "sub",
        "client_id",
        "iat",
        "exp",
        "nbf",
        "jti",
        "sid",
        "auth_time",
        "amr",
        "acr",
        "scope",
        "roles",
        "pos",
        "status",
        "cnf",
        "external_id",
        "preferred_username",
        "act",
        "may_act",
        // As the parser of Go reads them.
        "Roles",
        "\u{17f}cope",
    ] {
        let engine =
            Engine::start().await.with_claims(ClaimsProvider::new(move |_| json!({ name: "admin" })));
        let ada = engine.ada().await;
        let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

        let refused = engine.issuer.issue_token_pair(authenticated, NewSession::default(), NOON).await;

        assert_eq!(claims_error(refused), ClaimsError::Reserved(name.into()));
        let page = Page { after: None, limit: 10 };
        assert!(engine.store.sessions_of(ada.id, page, NOON).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn claims_that_are_not_an_object_are_refused() {
    for value in [json!(null), json!([]), json!("tenant"), json!(1)] {
        let engine = Engine::start().await.with_claims(ClaimsProvider::new(move |_| value.clone()));
        engine.ada().await;
        let authenticated = engine.authenticate("ada", PASSWORD, NOON).await.unwrap();

        let refused = engine.issuer.issue_access_token(authenticated, NewSession::default(), NOON).await;

        assert_eq!(claims_error(refused), ClaimsError::NotAnObject);
    }
}

#[tokio::test]
async fn a_refresh_without_its_claims_rotates_nothing() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = is_broken.clone();
    let claims = ClaimsProvider::new(move |_| {
        if broken.load(Ordering::SeqCst) { json!({ "sub": "admin" }) } else { json!({ "tenant": 7 }) }
    });
    let engine = Engine::start().await.with_claims(claims);
    engine.ada().await;
    let pair = engine.pair(NOON).await;
    let refresh = |at| {
        let engine = &engine;
        let token = &pair.credential.refresh;
        async move { engine.issuer.refresh(token, None, &nowhere(), at).await }
    };

    is_broken.store(true, Ordering::SeqCst);
    assert_eq!(claims_error(refresh(after(60)).await), ClaimsError::Reserved("sub".into()));
    assert_eq!(engine.store.session(pair.session.id).await.unwrap(), Some(pair.session.clone()));

    is_broken.store(false, Ordering::SeqCst);
    // The token was never used, so long after the grace period it is still the current one.
    let refreshed = refresh(after(600)).await.unwrap();
    assert_eq!(refreshed.session.revision, pair.session.revision + 1);
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session_even_if_the_claims_fail() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = is_broken.clone();
    let claims =
        ClaimsProvider::new(move |_| if broken.load(Ordering::SeqCst) { Value::Null } else { json!({}) });
    let engine = Engine::start().await.with_claims(claims);
    engine.ada().await;
    let pair = engine.pair(NOON).await;
    engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(60)).await.unwrap();

    is_broken.store(true, Ordering::SeqCst);
    let reused = engine.issuer.refresh(&pair.credential.refresh, None, &nowhere(), after(120)).await;

    assert!(matches!(reused, Err(ServiceError::Client(_))), "{reused:?}");
    assert!(engine.store.session(pair.session.id).await.unwrap().unwrap().ended.is_some());
}
