//! What the tests of a resource server use: principals without a token, through real extractors.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::WWW_AUTHENTICATE;
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

use counterfoil_jose::Time;
use counterfoil_verify::testing::{FixedAuthenticator, ManualClock, PrincipalBuilder, authenticate_request};
use counterfoil_verify::{
    AuthError, AuthState, Clock, CredentialEnd, CredentialKind, CredentialSource, HasScope, Principal,
    RevocationEntry, RevocationPosition, RevocationSubject, Revocations, Scope, SessionId, UserId,
};

struct ReadOrders;

impl Scope for ReadOrders {
    const NAME: &str = "orders:read";
}

async fn orders(user: HasScope<ReadOrders>) -> String {
    user.subject().to_owned()
}

fn routes() -> Router {
    Router::new().route("/orders", get(orders))
}

fn request() -> Request<Body> {
    Request::get("/orders").body(Body::empty()).unwrap()
}

async fn send_as(principal: Principal) -> Response<Body> {
    let mut request = request();
    authenticate_request(&mut request, principal);
    routes().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_handler_without_the_layer_gets_the_principal_of_the_test() {
    let response = send_as(PrincipalBuilder::new("alice").scope("orders:read").build()).await;

    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_principal_of_a_test_without_the_scope_gets_403() {
    let response = send_as(PrincipalBuilder::new("alice").scope("orders:write").build()).await;

    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.headers()[WWW_AUTHENTICATE].to_str().unwrap().contains("insufficient_scope"));
}

#[tokio::test]
async fn an_application_with_its_layer_gets_the_principal_of_the_test() {
    let alice = PrincipalBuilder::new("alice").scope("orders:read").build();
    let app = routes().layer(FixedAuthenticator::new(alice).layer());

    assert_eq!(app.oneshot(request()).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_application_shows_how_it_answers_when_verification_is_not_possible() {
    let app = routes().layer(FixedAuthenticator::refuse(AuthError::Unavailable).layer());

    assert_eq!(app.oneshot(request()).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn the_source_of_a_credential_follows_its_kind() {
    for (kind, source) in [
        (CredentialKind::SessionToken, CredentialSource::Cookie),
        (CredentialKind::AccessToken, CredentialSource::Bearer),
    ] {
        let mut request = Request::new(());
        authenticate_request(&mut request, PrincipalBuilder::new("alice").credential_kind(kind).build());

        assert_eq!(AuthState::from_extensions(request.extensions()).unwrap().source(), source);
    }
}

#[test]
fn a_principal_for_a_user_has_the_id_of_the_user() {
    let alice = UserId::from_bytes([1; 16]);

    let principal = PrincipalBuilder::for_user(alice).build();

    assert_eq!(principal.user_id(), Some(alice));
    assert_eq!(principal.subject(), alice.to_string());
}

#[test]
fn a_manual_clock_moves_only_when_it_is_advanced() {
    let noon = Time::from_unix_seconds(1_764_000_000);
    let clock = ManualClock::new(noon);
    assert_eq!(clock.now(), noon);

    clock.clone().advance(Duration::from_secs(60));

    assert_eq!(clock.now(), noon + Duration::from_secs(60));
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Time::from_unix_ms(u64::MAX), "the clock never runs backwards");
}

#[tokio::test]
async fn a_test_ends_the_connections_of_its_principal() {
    let (revocations, session) = (Arc::new(Revocations::new()), SessionId::from_bytes([1; 16]));
    let builder = PrincipalBuilder::new("alice").session_id(session).revocations(Arc::clone(&revocations));
    let waiting = tokio::spawn(builder.build().ended());
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());

    let position = RevocationPosition::new(1);
    let entry = RevocationEntry { position, subject: RevocationSubject::Session(session), until: None };
    revocations.publish(&[entry], position);

    assert_eq!(waiting.await.unwrap(), CredentialEnd::SessionEnded);
}
