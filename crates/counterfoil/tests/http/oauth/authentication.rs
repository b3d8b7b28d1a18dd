//! Who may introspect: a verifier key by each method, and no other caller.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_jose::base64url;

use crate::administration::Admin;
use crate::client::{Request, Response, exchange};
use crate::feed::add_key;
use crate::oauth::{FORM, post};
use crate::test_server::{TestServer, text};

/// The id of a verifier key.
fn id_of(key: &str) -> &str {
    key.strip_prefix("cfv_").unwrap().split('.').next().unwrap()
}

/// The value of `Authorization` for HTTP Basic.
fn basic(id: &str, secret: &str) -> String {
    let url = base64url::encode(format!("{id}:{secret}")).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - url.len() % 4) % 4);
    format!("Basic {url}{padding}")
}

/// Escapes every character that `java.net.URLEncoder` and `encodeURIComponent` do not leave alone, and those of `oauth4webapi`.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("%{:02X}", c as u32) })
        .collect()
}

async fn introspect(server: &TestServer, request: Request) -> Response {
    request.send(server).await
}

#[tokio::test]
async fn a_verifier_key_authenticates_as_bearer_by_basic_and_in_the_form() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    let id = id_of(&key);
    let request = || post("/oauth/introspect", &[("token", "x")]);
    let in_form = [("token", "x"), ("client_id", id), ("client_secret", key.as_str())];
    for accepted in [
        request().bearer(&key),
        request().header("authorization", basic(id, &key)),
        request().header("authorization", basic(&escaped(id), &escaped(&key))),
        request().header("authorization", basic(id, &key).replace("Basic", "basic")),
        post("/oauth/introspect", &in_form),
        // Some clients name themselves in the form, too.
        post("/oauth/introspect", &[("token", "x"), ("client_id", id)])
            .header("authorization", basic(id, &key)),
        post("/oauth/introspect", &[("token", "x"), ("client_secret", "")]).bearer(&key),
    ] {
        let response = introspect(&server, accepted.clone()).await;
        assert_eq!(
            (response.status, response.body.as_slice()),
            (200, &br#"{"active":false}"#[..]),
            "{accepted:?}"
        );
    }
}

#[tokio::test]
async fn an_admin_key_introspects_as_bearer_only() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let id = admin.bearer.strip_prefix("cfa_").unwrap().split('.').next().unwrap().to_owned();
    let request = || post("/oauth/introspect", &[("token", "x")]);

    assert_eq!(request().bearer(&admin.bearer).send(&server).await.status, 200);
    let by_basic = request().header("authorization", basic(&id, &admin.bearer));
    assert_eq!(by_basic.send(&server).await.status, 401);
}

#[tokio::test]
async fn every_other_caller_is_refused_with_the_challenge_of_its_scheme() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let (key, other) = (add_key(&server).await, add_key(&server).await);
    let (id, session) = (id_of(&key), text(&login, "session_token"));
    let wrong = format!("cfv_{id}.{}", other.split('.').nth(1).unwrap());
    let request = || post("/oauth/introspect", &[("token", session)]);
    let (bearer, by_basic) = (r#"Bearer error="invalid_token""#, r#"Basic realm="counterfoil""#);
    for (request, challenge) in [
        (request(), by_basic),
        (request().bearer(""), bearer),
        (request().bearer(session), bearer),
        (request().bearer(&wrong), bearer),
        (request().header("authorization", basic(id, &wrong)), by_basic),
        (request().header("authorization", basic("", &key)), by_basic),
        (request().header("authorization", basic(id_of(&other), &key)), by_basic),
        (request().header("authorization", basic(id, key.split('.').nth(1).unwrap())), by_basic),
        (request().header("authorization", "Basic"), by_basic),
        (request().header("authorization", "Basic !"), by_basic),
        (request().header("authorization", "Digest x"), by_basic),
        (request().header("authorization", b"Basic \xff"), by_basic),
        (request().header("cookie", format!("counterfoil-session={session}")), by_basic),
        (post("/oauth/introspect", &[("token", session), ("client_id", id)]), by_basic),
        (
            post("/oauth/introspect", &[("token", session), ("client_id", id), ("client_secret", &wrong)]),
            by_basic,
        ),
        (post("/oauth/introspect", &[("token", session), ("client_assertion", "a.b.c")]), by_basic),
    ] {
        let response = request.send(&server).await;
        assert_eq!(
            (response.status, &response.json()["error"]),
            (401, &"invalid_client".into()),
            "{request:?}"
        );
        assert_eq!(response.header("www-authenticate"), Some(challenge), "{request:?}");
    }
}

#[tokio::test]
async fn a_removed_key_is_refused_as_an_unknown_one() {
    let server = TestServer::open().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    let request = post("/oauth/introspect", &[("token", "x")]).bearer(&key);
    assert_eq!(request.send(&server).await.status, 200);

    admin.send("DELETE", &format!("/v1/admin/verifier-keys/{}", id_of(&key))).await;

    let unknown = "cfv_AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let removed = request.send(&server).await.without_id();
    let unknown = post("/oauth/introspect", &[("token", "x")]).bearer(unknown).send(&server).await;
    assert_eq!((removed.status, &removed), (401, &unknown.without_id()));
}

#[tokio::test]
async fn two_methods_in_one_request_are_refused_even_if_both_are_right() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    let id = id_of(&key);
    let in_form = [("token", "x"), ("client_id", id), ("client_secret", key.as_str())];
    let by_basic = basic(id, &key);
    for request in [
        post("/oauth/introspect", &in_form).bearer(&key),
        post("/oauth/introspect", &in_form).header("authorization", &by_basic),
        post("/oauth/introspect", &[("token", "x"), ("client_assertion", "a")]).bearer(&key),
        post("/oauth/introspect", &[("token", "x")]).header("authorization", &by_basic).bearer(&key),
        // The secret of one caller, the name of another.
        post("/oauth/introspect", &[("token", "x"), ("client_id", "other")])
            .header("authorization", &by_basic),
        post("/oauth/introspect", &[("token", "x"), ("client_secret", &key)]),
    ] {
        let response = request.send(&server).await;
        assert_eq!(
            (response.status, &response.json()["error"]),
            (400, &"invalid_request".into()),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn a_key_and_an_address_have_rate_limits() {
    let two = RateLimit { max: 2, window: Duration::from_secs(900) };
    let server = TestServer::with(|settings| settings.introspection.per_key = two).await;
    let (key, other) = (add_key(&server).await, add_key(&server).await);
    let send = async |server: &TestServer, key: &str| {
        post("/oauth/introspect", &[("token", "x")]).bearer(key).send(server).await.status
    };
    assert_eq!(
        [send(&server, &key).await, send(&server, &key).await, send(&server, &key).await],
        [200, 200, 429]
    );
    assert_eq!(send(&server, &other).await, 200, "each key has its own");
    assert!(
        server.app.metrics().await.contains("counterfoil_introspections_total{result=\"rate_limited\"} 1")
    );

    let server = TestServer::with(|settings| settings.introspection.per_ip = two).await;
    let key = add_key(&server).await;
    assert_eq!(
        [send(&server, "x").await, send(&server, "x").await, send(&server, &key).await],
        [401, 401, 429]
    );
}

#[tokio::test]
async fn a_verifier_key_introspects_below_a_base_path() {
    let server = TestServer::with(|settings| settings.base_path = "/auth".parse().unwrap()).await;
    let key = add_key(&server).await;
    let request = Request::post("/auth/oauth/introspect").body(FORM, "token=x").bearer(&key);

    let response = exchange(&server, &request.bytes()).await.unwrap();
    let refused = exchange(&server, &Request::post("/auth/oauth/introspect").bytes()).await.unwrap();

    assert_eq!((response.status, response.body.as_slice()), (200, &br#"{"active":false}"#[..]));
    assert_eq!((refused.status, &refused.json()["error"]), (401, &"invalid_client".into()));
}
