//! The endpoints of OAuth: introspection (RFC 7662), revocation (RFC 7009), and who may call them.

mod authentication;
mod introspection;
mod malformed_requests;
mod revocation;

use std::collections::BTreeSet;
use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;
use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::feed::add_key;
use crate::test_server::{PASSWORD, TestServer, text};

/// The content type of a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters as a form.
fn form(parameters: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn post(path: &str, parameters: &[(&str, &str)]) -> Request {
    Request::post(path).body(FORM, form(parameters))
}

/// A resource server with a verifier key.
struct ResourceServer<'s> {
    server: &'s TestServer,
    key: String,
}

impl<'s> ResourceServer<'s> {
    async fn new(server: &'s TestServer) -> Self {
        Self { server, key: add_key(server).await }
    }

    async fn send(&self, token: &str) -> Response {
        let request = post("/oauth/introspect", &[("token", token)]).bearer(&self.key);
        let response = request.send(self.server).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("content-type"), Some("application/json"));
        response
    }

    async fn introspect(&self, token: &str) -> Value {
        self.send(token).await.json()
    }

    async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(token).await;
        let is_active = answer["active"].as_bool().unwrap();
        assert!(is_active || answer == json!({ "active": false }), "{answer}");
        is_active
    }
}

/// Revokes a token. Returns the status.
async fn revoke(server: &TestServer, token: &str) -> u16 {
    let response = post("/oauth/revoke", &[("token", token)]).send(server).await;
    if response.status == 200 {
        assert!(response.body.is_empty() && response.header("cache-control") == Some("no-store"));
    }
    response.status
}

/// The token with another signature.
fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}

/// Logs ada in with further members in the request.
async fn login_with(server: &TestServer, further: Value) -> Value {
    let mut request = json!({ "username": "ada", "password": PASSWORD });
    request.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    let response = Request::post("/v1/login").json(&request).send(server).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

/// Exchanges a credential for an access token.
async fn exchange(server: &TestServer, bearer: &str, request: Value) -> String {
    let response = Request::post("/v1/token").json(&request).bearer(bearer).send(server).await;
    text(&response.json(), "access_token").to_owned()
}

/// Calls the endpoints in many variants, and records the statuses.
pub(crate) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
    let once = RateLimit { max: 1, window: Duration::from_secs(900) };
    let server = TestServer::open().await;
    let limited = TestServer::with(|settings| settings.introspection.per_key = once).await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let (key, limited_key) = (add_key(&server).await, add_key(&limited).await);
    let token = text(&login, "access_token");
    let mut calls: Vec<(&str, Request, &TestServer)> = Vec::new();
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        calls.extend([
            (path, post(path, &[("token", "unknown")]), &server),
            (path, post(path, &[("token", token)]).bearer(&key), &server),
            (path, post(path, &[("token", &key), ("client_id", "x"), ("client_secret", "x")]), &server),
            (path, post(path, &[("token", token), ("client_id", "other")]), &server),
            (path, post(path, &[("token", &key)]), &server),
            (path, post(path, &[("token", "a"), ("token", "b")]), &server),
            (path, Request::post(path), &server),
            (path, Request::post(path).body("text/plain", "x"), &server),
            (path, Request::post(path).body(FORM, vec![b'x'; 70_000]), &server),
            (path, post(path, &[("token", token)]).bearer(&limited_key), &limited),
            (path, post(path, &[("token", token)]).bearer(&limited_key), &limited),
        ]);
    }
    for (path, request, server) in calls {
        let status = request.send(server).await.status;
        seen.insert((path.to_owned(), "post".to_owned(), status.to_string()));
    }
    server.app.close().await.unwrap();
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let request = post(path, &[("token", text(&login, "refresh_token"))]);
        let request = if path == "/oauth/revoke" { request } else { request.bearer(&key) };
        let status = request.send(&server).await.status;
        seen.insert((path.to_owned(), "post".to_owned(), status.to_string()));
    }
}
