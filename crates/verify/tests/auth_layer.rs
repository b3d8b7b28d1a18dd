//! The layer and the extractors, through real services.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

mod test_signer;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, COOKIE, ORIGIN, RETRY_AFTER, UPGRADE, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use counterfoil_verify::{
    AuthError, AuthFuture, AuthLayer, AuthState, Authenticator, FailureReason, HasRole, HasScope,
    OriginPolicy, PresentedCredential, Principal, ProblemIssuer, RequestId, RequireRole, RequireScope, Role,
    Scope,
};

use test_signer::{NOON, TestSigner, claims};

/// Answers after one wait, as an authenticator does that asks a store.
struct PendingOnce<A>(Arc<A>);

impl<A: Authenticator> Authenticator for PendingOnce<A> {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: counterfoil_jose::Time) -> AuthFuture {
        let result = self.0.authenticate(presented, now);
        AuthFuture::Pending(Box::pin(async move {
            tokio::task::yield_now().await;
            result.wait().await
        }))
    }
}

/// Rejects every request with this error.
struct RejectAll(AuthError);

impl Authenticator for RejectAll {
    fn authenticate(&self, _: PresentedCredential<'_>, _: counterfoil_jose::Time) -> AuthFuture {
        AuthFuture::Ready(Err(self.0.clone()))
    }
}

fn layer(authenticator: impl Authenticator) -> AuthLayer {
    AuthLayer::new(Arc::new(authenticator), Arc::new(|| NOON))
}

async fn required(principal: Principal) -> String {
    principal.subject().to_owned()
}

async fn optional(principal: Option<Principal>) -> String {
    principal.map_or("anonymous".to_owned(), |principal| principal.subject().to_owned())
}

async fn cancel_order(principal: Principal) -> Result<&'static str, AuthError> {
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

async fn has_scope<S: Scope>(user: HasScope<S>) -> String {
    user.subject().to_owned()
}

async fn has_role<R: Role>(user: HasRole<R>) -> String {
    user.into_principal().subject().to_owned()
}

/// Answers with the `Cache-Control` of the path.
async fn set_cache_control(Path(value): Path<String>) -> impl IntoResponse {
    ([(CACHE_CONTROL, value), (VARY, "accept-language".to_owned())], "cached")
}

fn app(layer: AuthLayer) -> Router {
    Router::new()
        .route("/required", get(required))
        .route("/optional", get(optional))
        .route("/cancel", get(cancel_order))
        .route("/public", get(|| async { "public" }))
        .route("/cached", get(|| async { ([(CACHE_CONTROL, "private")], "cached") }))
        .route("/cache-control/{value}", get(set_cache_control))
        .route("/require-scope", get(required).layer(RequireScope::new("orders:read")))
        .route("/require-missing-scope", get(required).layer(RequireScope::new("orders:cancel")))
        .route("/require-role", get(required).layer(RequireRole::new("clerk")))
        .route("/has-scope", get(has_scope::<ReadOrders>))
        .route("/lacks-scope", get(has_scope::<CancelOrders>))
        .route("/has-role", get(has_role::<Clerk>))
        .route("/lacks-role", get(has_role::<Admin>))
        .route("/require-missing-role", get(required).layer(RequireRole::new("admin")))
        .layer(layer)
}

struct TestResponse {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl TestResponse {
    fn problem(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers[CACHE_CONTROL], "no-store");
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn get_response(app: Router, path: &str, lines: &[(HeaderName, &str)]) -> TestResponse {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for (name, value) in lines {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request.extensions_mut().insert(RequestId("r1".into()));
    let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    TestResponse { status: parts.status, headers: parts.headers, body }
}

fn bearer(token: &str) -> (HeaderName, String) {
    (AUTHORIZATION, format!("Bearer {token}"))
}

#[tokio::test]
async fn a_handler_gets_the_principal_from_a_bearer_or_a_cookie_at_once_or_later() {
    let signer = TestSigner::new();
    let token = signer.sign(&claims());
    let local = Arc::new(signer.local());
    let (name, value) = bearer(&token);
    let cookie = format!("a=b; __Host-access={token}");

    for app in [app(layer((*local).clone())), app(layer(PendingOnce(local)))] {
        for line in [(name.clone(), value.as_str()), (COOKIE, cookie.as_str())] {
            for path in
                ["/required", "/optional", "/require-scope", "/require-role", "/has-scope", "/has-role"]
            {
                let response = get_response(app.clone(), path, std::slice::from_ref(&line)).await;
                assert_eq!(
                    (response.status, response.body.as_str()),
                    (StatusCode::OK, &*test_signer::ALICE.to_string())
                );
                assert_eq!(response.headers[CACHE_CONTROL], "no-store");
            }
        }
    }
}

#[tokio::test]
async fn a_request_without_a_credential_gets_401_where_one_is_required() {
    for path in ["/required", "/require-scope", "/require-role", "/cancel", "/has-scope", "/has-role"] {
        let response = get_response(app(layer(TestSigner::new().local())), path, &[]).await;

        assert_eq!(response.status, 401);
        assert_eq!(response.headers[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(response.problem()["code"], "credential_required");
        assert_eq!(response.problem()["request_id"], "r1");
    }
}

#[tokio::test]
async fn an_invalid_bearer_gets_401_even_where_none_is_required() {
    for path in ["/required", "/optional"] {
        let response =
            get_response(app(layer(TestSigner::new().local())), path, &[(AUTHORIZATION, "Bearer x")]).await;

        assert_eq!(response.status, 401);
        assert_eq!(response.headers[WWW_AUTHENTICATE], r#"Bearer error="invalid_token""#);
        assert_eq!(response.problem()["code"], "invalid_token");
    }
}

#[tokio::test]
async fn an_invalid_cookie_is_anonymous_on_an_optional_route() {
    let invalid = [(COOKIE, "__Host-access=invalid; __Host-session=")];
    let one_invalid = [(COOKIE, "__Host-access=invalid")];

    assert_eq!(
        get_response(app(layer(TestSigner::new().local())), "/optional", &one_invalid).await.body,
        "anonymous"
    );
    assert_eq!(
        get_response(app(layer(TestSigner::new().local())), "/required", &one_invalid).await.status,
        401
    );
    assert_eq!(get_response(app(layer(TestSigner::new().local())), "/optional", &invalid).await.status, 400);
}

#[tokio::test]
async fn the_type_of_a_problem_is_about_blank_unless_the_issuer_is_known() {
    for (issuer, problem_type) in [
        (None, "about:blank"),
        (Some("https://auth.example"), "https://auth.example/problems/credential-required"),
    ] {
        for path in ["/required", "/require-scope", "/has-role"] {
            let mut request = Request::get(path).body(Body::empty()).unwrap();
            if let Some(issuer) = issuer {
                request.extensions_mut().insert(ProblemIssuer(issuer.into()));
            }
            let response = app(layer(TestSigner::new().local())).oneshot(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let problem: Value = serde_json::from_slice(&body).unwrap();

            assert_eq!(problem["type"], problem_type, "{path}");
        }
    }
}

#[tokio::test]
async fn a_layer_with_an_issuer_names_it_in_all_problems() {
    let named = |layer: AuthLayer| layer.with_problem_issuer(ProblemIssuer("https://auth.example".into()));
    let verifier = || layer(TestSigner::new().local());
    let two_credentials = [(AUTHORIZATION, "Bearer a"), (COOKIE, "__Host-access=b")];

    for path in ["/required", "/require-scope", "/has-role"] {
        let response = get_response(app(named(verifier())), path, &[]).await;
        assert_eq!(response.problem()["type"], "https://auth.example/problems/credential-required", "{path}");
    }
    let refused = get_response(app(named(verifier())), "/required", &two_credentials).await;
    assert_eq!(refused.problem()["type"], "https://auth.example/problems/ambiguous-credential");
    let refused = get_response(app(named(verifier()).require_authentication()), "/public", &[]).await;
    assert_eq!(refused.problem()["type"], "https://auth.example/problems/credential-required");
}

#[tokio::test]
async fn a_layer_with_csrf_protection_refuses_a_cross_site_write_before_it_authenticates() {
    let own = OriginPolicy::new("https://shop.example".parse().unwrap());
    let write = |origin: &'static str, cookie: &'static str| {
        Request::post("/public").header(ORIGIN, origin).header(COOKIE, cookie).body(Body::empty()).unwrap()
    };
    let unavailable = || layer(RejectAll(AuthError::Unavailable)).require_authentication();
    let status =
        async |layer: AuthLayer, request: Request<Body>| app(layer).oneshot(request).await.unwrap().status();
    let foreign = || write("https://attacker.example", "__Host-access=x");

    assert_eq!(status(unavailable().with_csrf_protection(own.clone()), foreign()).await, 403);
    assert_eq!(status(unavailable(), foreign()).await, 503);
    let own_page = write("https://shop.example", "__Host-access=x");
    assert_eq!(status(unavailable().with_csrf_protection(own.clone()), own_page).await, 503);
    let without_cookie = write("https://attacker.example", "theme=dark");
    assert_eq!(status(unavailable().with_csrf_protection(own), without_cookie).await, 503);
}

#[tokio::test]
async fn malformed_cookies_do_not_authenticate() {
    for cookie in
        [";".repeat(8192).as_str(), "__Host-access", "=x", "__Host-access=\"\"", "__host-access=x", "=;=;="]
    {
        let response =
            get_response(app(layer(TestSigner::new().local())), "/optional", &[(COOKIE, cookie)]).await;
        assert_eq!(response.body, "anonymous");
    }
}

#[tokio::test]
async fn a_token_in_the_url_is_ignored() {
    let signer = TestSigner::new();
    let token = signer.sign(&claims());

    let response =
        get_response(app(layer(signer.local())), &format!("/optional?access_token={token}"), &[]).await;

    assert_eq!(response.body, "anonymous");
}

#[tokio::test]
async fn two_credentials_are_refused_on_every_route_that_reads_the_principal() {
    let lines = [(AUTHORIZATION, "Bearer a"), (COOKIE, "__Host-access=b")];
    for path in ["/required", "/optional", "/require-scope", "/has-role"] {
        let response = get_response(app(layer(TestSigner::new().local())), path, &lines).await;

        assert_eq!(response.status, 400);
        assert_eq!(response.problem()["code"], "ambiguous_credential");
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_verified_is_503() {
    for error in [AuthError::StaleRevocations, AuthError::Unavailable] {
        for path in ["/required", "/optional", "/require-scope"] {
            let response =
                get_response(app(layer(RejectAll(error.clone()))), path, &[(COOKIE, "__Host-session=x")])
                    .await;

            assert_eq!(response.status, 503, "{error} {path}");
            assert_eq!(response.headers[RETRY_AFTER], "1");
        }
    }
}

#[tokio::test]
async fn a_missing_scope_or_role_is_403() {
    let signer = TestSigner::new();
    let (name, value) = bearer(&signer.sign(&claims()));
    let line = [(name, value.as_str())];

    for path in ["/require-missing-scope", "/cancel", "/lacks-scope"] {
        let response = get_response(app(layer(signer.local())), path, &line).await;
        assert_eq!(response.status, 403);
        let challenge = r#"Bearer error="insufficient_scope", scope="orders:cancel""#;
        assert_eq!(response.headers[WWW_AUTHENTICATE], challenge);
    }
    for path in ["/require-missing-role", "/lacks-role"] {
        let response = get_response(app(layer(signer.local())), path, &line).await;
        assert_eq!(
            (response.status, response.problem()["code"].clone()),
            (StatusCode::FORBIDDEN, json!("forbidden"))
        );
    }
}

#[tokio::test]
async fn a_route_without_the_layer_answers_500() {
    for path in ["/required", "/optional", "/require-scope", "/has-scope", "/has-role"] {
        let app = Router::new()
            .route("/has-scope", get(has_scope::<ReadOrders>))
            .route("/has-role", get(has_role::<Clerk>))
            .route("/required", get(required))
            .route("/optional", get(optional))
            .route("/require-scope", get(required).layer(RequireScope::new("x")));
        assert_eq!(get_response(app, path, &[]).await.status, 500);
    }
}

#[tokio::test]
async fn a_response_to_a_credential_is_not_cached_by_default() {
    let signer = TestSigner::new();
    let (name, value) = bearer(&signer.sign(&claims()));
    let line = [(name, value.as_str())];

    assert_eq!(
        get_response(app(layer(signer.local())), "/public", &line).await.headers[CACHE_CONTROL],
        "no-store"
    );
    assert_eq!(
        get_response(app(layer(signer.local())), "/cached", &line).await.headers[CACHE_CONTROL],
        "private"
    );
    let response = get_response(app(layer(signer.local())), "/public", &[]).await;
    assert_eq!(response.headers.get(CACHE_CONTROL), None);
}

#[tokio::test]
async fn every_response_that_a_cache_may_store_varies_by_the_credential() {
    let signer = TestSigner::new();
    let (name, value) = bearer(&signer.sign(&claims()));
    let cookie = format!("__Host-access={}", signer.sign(&claims()));
    let varies = |response: TestResponse| {
        let is_stored = response.headers.get(CACHE_CONTROL).is_none_or(|value| value != "no-store");
        let varies = response.headers.get_all(VARY).iter().any(|line| line == "cookie, authorization");
        varies || !is_stored
    };

    for path in ["/public", "/cached", "/required", "/optional", "/cache-control/public"] {
        for line in [
            vec![],
            vec![(name.clone(), &*value)],
            vec![(COOKIE, &*cookie)],
            vec![(COOKIE, "__Host-access=x")],
        ] {
            assert!(varies(get_response(app(layer(signer.local())), path, &line).await), "{path} {line:?}");
        }
    }
    let required = layer(signer.local()).require_authentication();
    assert!(varies(get_response(app(required), "/public", &[]).await), "a refusal");
}

#[tokio::test]
async fn a_response_to_a_credential_is_private_also_where_the_handler_says_public() {
    let signer = TestSigner::new();
    let cookie = format!("__Host-access={}", signer.sign(&claims()));
    let (name, value) = bearer(&signer.sign(&claims()));

    for (said, expected) in [
        ("public, max-age=60", "private, max-age=60"),
        ("PUBLIC", "private"),
        ("s-maxage=600, max-age=0, must-revalidate", "private, max-age=0, must-revalidate"),
        ("max-age=60", "private, max-age=60"),
        ("private, max-age=60", "private, max-age=60"),
        ("private=\"set-cookie\", public", "private"),
        ("private=\"a, b\"", "private, b\""),
        ("public,, max-age=1,", "private, max-age=1"),
        ("No-Store, max-age=0", "No-Store, max-age=0"),
    ] {
        let path = format!("/cache-control/{}", said.replace(' ', "%20").replace('"', "%22"));
        for line in [(name.clone(), &*value), (COOKIE, &*cookie), (COOKIE, "__Host-access=expired")] {
            let response = get_response(app(layer(signer.local())), &path, &[line]).await;
            assert_eq!(response.headers[CACHE_CONTROL], expected, "{said}");
            assert!(response.headers.get_all(VARY).iter().any(|line| line == "accept-language"), "{said}");
        }
        let anonymous = get_response(app(layer(signer.local())), &path, &[]).await;
        assert_eq!(
            anonymous.headers[CACHE_CONTROL], said,
            "the page of an unknown client is as the handler says"
        );
    }
}

/// The headers of the handshakes with which browsers open a WebSocket and an event stream, and variants of them.
const HANDSHAKES: [(HeaderName, &str); 6] = [
    (UPGRADE, "websocket"),
    (UPGRADE, "WebSocket"),
    (UPGRADE, "h2c, websocket/13"),
    (ACCEPT, "text/event-stream"),
    (ACCEPT, "application/json, Text/Event-Stream;q=0.9"),
    (ACCEPT, "*/*,text/event-stream"),
];

#[tokio::test]
async fn a_cross_site_handshake_with_a_cookie_is_refused() {
    let signer = TestSigner::new();
    let own: OriginPolicy = OriginPolicy::new("https://shop.example".parse().unwrap());
    let own = own.trust("https://trusted.example".parse().unwrap());
    let layer = || layer(signer.local()).with_csrf_protection(own.clone());
    let site = HeaderName::from_static("sec-fetch-site");
    let cookie = format!("__Host-access={}", signer.sign(&claims()));

    for handshake in HANDSHAKES {
        for (origin, sec_fetch_site, expected) in [
            ("https://shop.example", "same-origin", 200),
            ("https://shop.example", "", 200),
            ("https://trusted.example", "cross-site", 200),
            ("", "same-origin", 200),
            ("https://other.shop.example", "same-site", 403),
            ("https://other.shop.example", "", 403),
            ("https://shop.example:8443", "", 403),
            ("https://attacker.example", "cross-site", 403),
            ("null", "cross-site", 403),
            ("null", "", 403),
            ("", "", 403),
        ] {
            let mut lines = vec![handshake.clone(), (COOKIE, &*cookie)];
            lines.extend([(ORIGIN, origin), (site.clone(), sec_fetch_site)]);
            lines.retain(|(_, value)| !value.is_empty());
            let response = get_response(app(layer()), "/required", &lines).await;
            assert_eq!(response.status, expected, "{lines:?}");
            if expected == 403 {
                assert_eq!(response.problem()["code"], "cross_site");
            }
        }
    }
    let missing = get_response(app(layer()), "/required", &[HANDSHAKES[0].clone(), (COOKIE, &cookie)]).await;
    assert!(missing.problem()["detail"].as_str().unwrap().contains("`Origin`"), "{}", missing.body);
}

#[tokio::test]
async fn a_handshake_without_a_cookie_and_a_page_that_is_no_handshake_pass() {
    let signer = TestSigner::new();
    let own = OriginPolicy::new("https://shop.example".parse().unwrap());
    let layer = || layer(signer.local()).with_csrf_protection(own.clone());
    let foreign = (ORIGIN, "https://attacker.example");
    let cookie = format!("__Host-access={}", signer.sign(&claims()));
    let (name, value) = bearer(&signer.sign(&claims()));

    for handshake in HANDSHAKES {
        let with_bearer = [handshake.clone(), foreign.clone(), (name.clone(), &*value)];
        assert_eq!(get_response(app(layer()), "/required", &with_bearer).await.status, 200);
        let anonymous = [handshake, foreign.clone(), (COOKIE, "theme=dark")];
        assert_eq!(get_response(app(layer()), "/optional", &anonymous).await.body, "anonymous");
    }
    for other in [
        (UPGRADE, "h2c"),
        (UPGRADE, "websockets"),
        (ACCEPT, "text/html, */*"),
        (ACCEPT, "text/event-streams"),
    ] {
        let lines = [other, foreign.clone(), (COOKIE, &*cookie)];
        assert_eq!(get_response(app(layer()), "/required", &lines).await.status, 200, "{lines:?}");
    }
}

#[tokio::test]
async fn a_websocket_over_http_2_is_checked_as_a_write() {
    let signer = TestSigner::new();
    let own = OriginPolicy::new("https://shop.example".parse().unwrap());
    let cookie = format!("__Host-access={}", signer.sign(&claims()));
    let app = Router::new().fallback(required).layer(layer(signer.local()).with_csrf_protection(own));
    let connect = |origin: &str| {
        let request = Request::builder().method("CONNECT").uri("/").header(ORIGIN, origin);
        app.clone().oneshot(request.header(COOKIE, &cookie).body(Body::empty()).unwrap())
    };

    assert_eq!(connect("https://attacker.example").await.unwrap().status(), 403);
    assert_eq!(connect("https://shop.example").await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_layer_protects_a_service_without_axum() {
    let signer = TestSigner::new();
    let token = signer.sign(&claims());
    let service = service_fn(|request: Request<()>| async move {
        let subject = AuthState::from_extensions(request.extensions())
            .unwrap()
            .principal()
            .unwrap()
            .subject()
            .to_owned();
        Ok::<_, Infallible>(Response::new(subject))
    });
    let local = Arc::new(signer.local());

    for layer in
        [layer((*local).clone()).require_authentication(), layer(PendingOnce(local)).require_authentication()]
    {
        let service_with_layer = ServiceBuilder::new().layer(layer).service(service);
        let good = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap();
        let bad = Request::get("/").header(AUTHORIZATION, "Bearer x").body(()).unwrap();
        let none = Request::get("/").body(()).unwrap();

        assert_eq!(
            service_with_layer.clone().oneshot(good).await.unwrap().body(),
            &test_signer::ALICE.to_string()
        );
        let refused = service_with_layer.clone().oneshot(bad).await.unwrap();
        assert_eq!(refused.status(), 401);
        let reason: &FailureReason = refused.extensions().get().unwrap();
        assert!(reason.code().starts_with("token"), "{reason:?}");
        assert_eq!(service_with_layer.oneshot(none).await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn a_session_token_is_rejected_without_its_session_record() {
    let response = get_response(
        app(layer(TestSigner::new().local())),
        "/required",
        &[(AUTHORIZATION, "Bearer cfs_x.y")],
    )
    .await;

    assert_eq!(response.status, 401);
}
