//! The layer and the extractors, through real services.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_issuer;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use counterfoil_verify::{
    AuthError, AuthFuture, AuthLayer, AuthState, Authenticator, HasRole, HasScope, InvalidReason,
    PresentedCredential, Principal, RequestId, RequireRole, RequireScope, Role, Scope,
};

use test_issuer::{Mint, NOON, claims};

/// Waits once for somebody else, as one does who asks a store.
struct Slow<A>(Arc<A>);

impl<A: Authenticator> Authenticator for Slow<A> {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: counterfoil_jose::Time) -> AuthFuture {
        let decision = self.0.authenticate(presented, now);
        AuthFuture::Pending(Box::pin(async move {
            tokio::task::yield_now().await;
            decision.wait().await
        }))
    }
}

/// Denies everybody in one way.
struct Denies(AuthError);

impl Authenticator for Denies {
    fn authenticate(&self, _: PresentedCredential<'_>, _: counterfoil_jose::Time) -> AuthFuture {
        AuthFuture::Ready(Err(self.0.clone()))
    }
}

fn layer(authenticator: impl Authenticator) -> AuthLayer {
    AuthLayer::new(Arc::new(authenticator), Arc::new(|| NOON))
}

async fn needed(principal: Principal) -> String {
    principal.subject().to_owned()
}

async fn optional(principal: Option<Principal>) -> String {
    principal.map_or("nobody".to_owned(), |principal| principal.subject().to_owned())
}

async fn asks(principal: Principal) -> Result<&'static str, AuthError> {
    principal.require_scope("orders:cancel")?;
    Ok("cancelled")
}

struct ReadOrders;

impl Scope for ReadOrders {
    const NAME: &str = "orders:read";
}

struct CancelOrders;

impl Scope for CancelOrders {
    const NAME: &str = "orders:cancel";
}

struct Clerk;

impl Role for Clerk {
    const NAME: &str = "clerk";
}

struct Admin;

impl Role for Admin {
    const NAME: &str = "admin";
}

async fn scoped<S: Scope>(who: HasScope<S>) -> String {
    who.subject().to_owned()
}

async fn in_role<R: Role>(who: HasRole<R>) -> String {
    who.into_principal().subject().to_owned()
}

fn app(layer: AuthLayer) -> Router {
    Router::new()
        .route("/needed", get(needed))
        .route("/optional", get(optional))
        .route("/asks", get(asks))
        .route("/public", get(|| async { "public" }))
        .route("/cached", get(|| async { ([(CACHE_CONTROL, "private")], "cached") }))
        .route("/scope", get(needed).layer(RequireScope::new("orders:read")))
        .route("/no-scope", get(needed).layer(RequireScope::new("orders:cancel")))
        .route("/role", get(needed).layer(RequireRole::new("clerk")))
        .route("/scoped", get(scoped::<ReadOrders>))
        .route("/not-scoped", get(scoped::<CancelOrders>))
        .route("/in-role", get(in_role::<Clerk>))
        .route("/not-in-role", get(in_role::<Admin>))
        .route("/no-role", get(needed).layer(RequireRole::new("admin")))
        .layer(layer)
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    fn problem(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers[CACHE_CONTROL], "no-store");
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn ask(app: Router, path: &str, lines: &[(HeaderName, &str)]) -> Answer {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for (name, value) in lines {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request.extensions_mut().insert(RequestId("r1".into()));
    let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn bearer(token: &str) -> (HeaderName, String) {
    (AUTHORIZATION, format!("Bearer {token}"))
}

#[tokio::test]
async fn a_handler_gets_the_principal_however_the_token_comes_and_however_long_it_takes() {
    let mint = Mint::new();
    let token = mint.sign(&claims());
    let local = Arc::new(mint.local());
    let (name, value) = bearer(&token);
    let cookie = format!("a=b; __Host-access={token}");

    for app in [app(layer((*local).clone())), app(layer(Slow(local)))] {
        for line in [(name.clone(), value.as_str()), (COOKIE, cookie.as_str())] {
            for path in ["/needed", "/optional", "/scope", "/role", "/scoped", "/in-role"] {
                let answer = ask(app.clone(), path, std::slice::from_ref(&line)).await;
                assert_eq!(
                    (answer.status, answer.body.as_str()),
                    (StatusCode::OK, &*test_issuer::ALICE.to_string())
                );
                assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
            }
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_credential_where_one_is_needed() {
    for path in ["/needed", "/scope", "/role", "/asks", "/scoped", "/in-role"] {
        let answer = ask(app(layer(Mint::new().local())), path, &[]).await;

        assert_eq!(answer.status, 401);
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(answer.problem()["type"], "/problems/credential-required");
        assert_eq!(answer.problem()["request_id"], "r1");
    }
}

#[tokio::test]
async fn a_bad_bearer_is_told_so_even_where_none_is_needed() {
    for path in ["/needed", "/optional"] {
        let answer = ask(app(layer(Mint::new().local())), path, &[(AUTHORIZATION, "Bearer x")]).await;

        assert_eq!(answer.status, 401);
        assert_eq!(answer.headers[WWW_AUTHENTICATE], r#"Bearer error="invalid_token""#);
        assert_eq!(answer.problem()["type"], "/problems/invalid-credential");
    }
}

#[tokio::test]
async fn a_dead_cookie_is_nobody_where_nobody_is_needed() {
    let dead = [(COOKIE, "__Host-access=dead; __Host-session=")];
    let one_dead = [(COOKIE, "__Host-access=dead")];

    assert_eq!(ask(app(layer(Mint::new().local())), "/optional", &one_dead).await.body, "nobody");
    assert_eq!(ask(app(layer(Mint::new().local())), "/needed", &one_dead).await.status, 401);
    assert_eq!(ask(app(layer(Mint::new().local())), "/optional", &dead).await.status, 400);
}

#[tokio::test]
async fn malformed_cookies_authenticate_nobody() {
    for cookie in
        [";".repeat(8192).as_str(), "__Host-access", "=x", "__Host-access=\"\"", "__host-access=x", "=;=;="]
    {
        let answer = ask(app(layer(Mint::new().local())), "/optional", &[(COOKIE, cookie)]).await;
        assert_eq!(answer.body, "nobody");
    }
}

#[tokio::test]
async fn a_credential_in_the_url_is_not_one() {
    let mint = Mint::new();
    let token = mint.sign(&claims());

    let answer = ask(app(layer(mint.local())), &format!("/optional?access_token={token}"), &[]).await;

    assert_eq!(answer.body, "nobody");
}

#[tokio::test]
async fn two_credentials_are_refused_whatever_the_route_does() {
    let lines = [(AUTHORIZATION, "Bearer a"), (COOKIE, "__Host-access=b")];
    for path in ["/needed", "/optional", "/public"] {
        let answer = ask(app(layer(Mint::new().local())), path, &lines).await;

        assert_eq!(answer.status, 400);
        assert_eq!(answer.problem()["type"], "/problems/ambiguous-credential");
    }
}

#[tokio::test]
async fn what_cannot_be_judged_is_503_and_nobody() {
    for denied in [AuthError::StaleRevocations, AuthError::Unavailable] {
        for path in ["/needed", "/optional", "/scope"] {
            let answer = ask(app(layer(Denies(denied.clone()))), path, &[(COOKIE, "__Host-session=x")]).await;

            assert_eq!(answer.status, 503, "{denied} {path}");
            assert_eq!(answer.headers[RETRY_AFTER], "1");
        }
    }
}

#[tokio::test]
async fn who_lacks_a_scope_or_a_role_is_forbidden() {
    let mint = Mint::new();
    let (name, value) = bearer(&mint.sign(&claims()));
    let line = [(name, value.as_str())];

    for path in ["/no-scope", "/asks", "/not-scoped"] {
        let answer = ask(app(layer(mint.local())), path, &line).await;
        assert_eq!(answer.status, 403);
        let challenge = r#"Bearer error="insufficient_scope", scope="orders:cancel""#;
        assert_eq!(answer.headers[WWW_AUTHENTICATE], challenge);
    }
    for path in ["/no-role", "/not-in-role"] {
        let answer = ask(app(layer(mint.local())), path, &line).await;
        assert_eq!(
            (answer.status, answer.problem()["type"].clone()),
            (StatusCode::FORBIDDEN, json!("/problems/forbidden"))
        );
    }
}

#[tokio::test]
async fn a_route_without_the_layer_lets_nobody_in() {
    for path in ["/needed", "/optional", "/scope", "/scoped", "/in-role"] {
        let app = Router::new()
            .route("/scoped", get(scoped::<ReadOrders>))
            .route("/in-role", get(in_role::<Clerk>))
            .route("/needed", get(needed))
            .route("/optional", get(optional))
            .route("/scope", get(needed).layer(RequireScope::new("x")));
        assert_eq!(ask(app, path, &[]).await.status, 500);
    }
}

#[tokio::test]
async fn an_answer_is_kept_from_caches_unless_it_says_otherwise() {
    let mint = Mint::new();
    let (name, value) = bearer(&mint.sign(&claims()));
    let line = [(name, value.as_str())];

    assert_eq!(ask(app(layer(mint.local())), "/public", &line).await.headers[CACHE_CONTROL], "no-store");
    assert_eq!(ask(app(layer(mint.local())), "/cached", &line).await.headers[CACHE_CONTROL], "private");
    let answer = ask(app(layer(mint.local())), "/public", &[]).await;
    assert_eq!(answer.headers.get(CACHE_CONTROL), None);
    assert_eq!(answer.headers[VARY], "cookie, authorization");
}

#[tokio::test]
async fn a_service_without_axum_is_guarded_too() {
    let mint = Mint::new();
    let token = mint.sign(&claims());
    let service = service_fn(|request: Request<()>| async move {
        let subject = AuthState::from_extensions(request.extensions())
            .unwrap()
            .principal()
            .unwrap()
            .subject()
            .to_owned();
        Ok::<_, Infallible>(Response::new(subject))
    });
    let local = Arc::new(mint.local());

    for layer in
        [layer((*local).clone()).require_authentication(), layer(Slow(local)).require_authentication()]
    {
        let guarded = ServiceBuilder::new().layer(layer).service(service);
        let good = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap();
        let bad = Request::get("/").header(AUTHORIZATION, "Bearer x").body(()).unwrap();
        let none = Request::get("/").body(()).unwrap();

        assert_eq!(guarded.clone().oneshot(good).await.unwrap().body(), &test_issuer::ALICE.to_string());
        let refused = guarded.clone().oneshot(bad).await.unwrap();
        assert_eq!(refused.status(), 401);
        assert!(matches!(
            refused.extensions().get(),
            Some(AuthError::InvalidCredential(InvalidReason::Token(_)))
        ));
        assert_eq!(guarded.oneshot(none).await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn a_session_token_is_not_judged_where_its_record_is_not() {
    let answer = ask(app(layer(Mint::new().local())), "/needed", &[(AUTHORIZATION, "Bearer cfs_x.y")]).await;

    assert_eq!(answer.status, 401);
}
