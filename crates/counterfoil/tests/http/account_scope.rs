//! A token that is limited by scope changes nothing of the account, on any documented route.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::openapi_contract::{operations, path_of};
use crate::test_server::{Browser, PASSWORD, TestServer, text};

/// The only unsafe operations with a credential that a limited token may use: it gets a token with its own limits.
const ALLOWED: [(&str, &str); 1] = [("post", "/v1/token")];

/// The unsafe operations that read no session or access token as a permission.
const PUBLIC: [(&str, &str); 7] = [
    ("post", "/v1/register"),
    ("post", "/v1/login"),
    ("post", "/v1/refresh"),
    ("post", "/v1/logout"),
    ("post", "/oauth/introspect"),
    ("post", "/oauth/revoke"),
    // It reads the cookie of a guarded host only.
    ("post", "/.counterfoil/logout"),
];

/// A token of this login that is limited to this scope.
async fn limited(server: &TestServer, bearer: &str, scope: &str) -> Value {
    let request = Request::post("/v1/token").bearer(bearer).json(&json!({ "scope": scope }));
    let response = request.send(server).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

/// A login in `mode` that is limited to the scope `orders:read`.
async fn limited_login(server: &TestServer, user: &str, mode: &str) -> Value {
    let form = json!({ "username": user, "password": PASSWORD, "mode": mode, "scope": "orders:read" });
    let response = Request::post("/v1/login").json(&form).send(server).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

fn assert_insufficient_scope(response: &Response, operation: &str) {
    assert_eq!((response.status, response.problem().as_str()), (403, "insufficient_scope"), "{operation}");
    let challenge = response.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer error="insufficient_scope""#), "{operation}: {challenge}");
}

/// The test reads the OpenAPI document, so that a route that is added is covered.
#[tokio::test]
async fn a_limited_token_is_refused_by_every_operation_that_changes_something() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.add_admin("root").await;
    for user in ["ada", "root"] {
        for (mode, member) in
            [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")]
        {
            let login = server.login(user, mode).await;
            let token = match mode {
                "session" => limited(&server, text(&login, member), "orders:read").await,
                _ => limited_login(&server, user, mode).await,
            };
            let id = text(&login["session"], "id");
            for (path, method, operation) in operations() {
                let name = (method.as_str(), path.as_str());
                // A session that is limited itself stores its own data.
                let is_own_data = mode != "session" && path == "/v1/session/data";
                if method == "get" || ALLOWED.contains(&name) || PUBLIC.contains(&name) || is_own_data {
                    continue;
                }
                let path =
                    if path == "/v1/sessions/{id}" { path.replace("{id}", id) } else { path_of(&path) };
                let request =
                    Request::new(&method.to_uppercase(), &path).bearer(text(&token, "access_token"));
                let request = match operation["requestBody"].is_object() {
                    true => request.json(&json!({})),
                    false => request,
                };
                let response = request.send(&server).await;
                if operation["tags"][0] == "administration" || path == "/v1/doctor/probes" {
                    assert_eq!(response.status, 403, "{method} {path} {response:?}");
                } else {
                    assert_insufficient_scope(&response, &format!("{method} {path}"));
                }
            }
            assert_eq!(server.me(text(&login, member)).await, 200, "{user} {mode}");
        }
    }
}

#[tokio::test]
async fn a_limited_token_may_read_its_own_user() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let token = limited(&server, text(&login, "session_token"), "orders:read").await;
    let mut read = BTreeSet::new();
    for (path, method, operation) in operations() {
        if method == "get" && operation["tags"][0] == "protected" {
            let own = path.replace("{id}", text(&login["session"], "id"));
            let response = Request::get(&own).bearer(text(&token, "access_token")).send(&server).await;
            assert_eq!(response.status, 200, "{path} {response:?}");
            read.insert(path);
        }
    }
    let expected = ["/v1/activity", "/v1/me", "/v1/session/data", "/v1/sessions", "/v1/sessions/{id}"];
    assert!(read.iter().map(String::as_str).eq(expected), "{read:?}");
}

#[tokio::test]
async fn with_the_account_scope_a_limited_token_changes_the_account() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let other = server.login("ada", "session").await;
    let login = server.login("ada", "session").await;
    let token = limited(&server, text(&login, "session_token"), "orders:read counterfoil:account").await;
    let bearer = text(&token, "access_token");
    let other = format!("/v1/sessions/{}", text(&other["session"], "id"));
    let data = Request::new("PATCH", "/v1/session/data").json(&json!({ "a": 1 }));
    let passwords = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let own = format!("/v1/sessions/{}", text(&login["session"], "id"));
    let cases = [
        (data, 200),
        (Request::new("DELETE", &other), 204),
        (Request::new("DELETE", "/v1/sessions"), 200),
        (Request::post("/v1/token").json(&json!({ "audience": "https://bank.example" })), 403),
        (Request::post("/v1/password").json(&passwords), 200),
        (Request::new("DELETE", &own), 401),
    ];
    for (request, expected) in cases {
        let response = request.bearer(bearer).send(&server).await;
        assert_eq!(response.status, expected, "{response:?}");
    }
}

#[tokio::test]
async fn a_limited_credential_gets_tokens_for_its_own_audience_and_scope_only() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let exchanged = limited(&server, text(&login, "session_token"), "orders:read").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "scope": "orders:read" });
    let session = Request::post("/v1/login").json(&form).send(&server).await.json();
    for bearer in [text(&exchanged, "access_token"), text(&session, "session_token")] {
        let exchange =
            async |body: Value| Request::post("/v1/token").bearer(bearer).json(&body).send(&server).await;

        assert_insufficient_scope(&exchange(json!({ "audience": "https://bank.example" })).await, "audience");
        assert_eq!(exchange(json!({ "scope": "counterfoil:account" })).await.status, 403);
        assert_eq!(exchange(json!({ "scope": "orders:read orders:write" })).await.status, 403);
        assert_eq!(exchange(json!({ "audience": server.origin, "scope": "orders:read" })).await.status, 200);
    }
}

/// A login with a scope uses its own session, and a token that is narrowed further does not.
#[tokio::test]
async fn a_credential_changes_its_own_session_unless_it_was_narrowed() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid", "scope": "orders:read orders:write" });
    let login = Request::post("/v1/login").json(&form).send(&server).await.json();
    let patch = async |bearer: &str| {
        let request = Request::new("PATCH", "/v1/session/data").json(&json!({ "a": 1 }));
        request.bearer(bearer).send(&server).await.status
    };
    let narrow = json!({ "refresh_token": login["refresh_token"], "scope": "orders:read" });
    let narrowed = Request::post("/v1/refresh").json(&narrow).send(&server).await.json();
    let bearer = text(&narrowed, "access_token");

    assert_eq!((patch(text(&login, "access_token")).await, patch(bearer).await), (200, 403));
    let logout = Request::post("/v1/logout").bearer(bearer);
    assert_insufficient_scope(&logout.clone().send(&server).await, "logout");
    // The refresh token is the session's own credential.
    let logout = logout.json(&json!({ "refresh_token": narrowed["refresh_token"] }));
    assert_eq!((logout.send(&server).await.status, server.me(bearer).await), (204, 401));
}

/// Otherwise the thief of a limited token could end its session by a login of their own.
#[tokio::test]
async fn a_login_does_not_replace_the_session_of_a_limited_token() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let login = server.login("ada", "session").await;
    let token = limited(&server, text(&login, "session_token"), "orders:read").await;
    let cookie = ("counterfoil-access".to_owned(), text(&token, "access_token").to_owned());
    let mut browser = Browser { cookies: vec![cookie] };

    server.login_browser(&mut browser, "eve", "session").await;

    assert_eq!(server.me(text(&login, "session_token")).await, 200);
}
