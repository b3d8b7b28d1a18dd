//! Refresh: token rotation, retries within the grace period, reuse detection and scopes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::test_server::{Browser, TestServer, text};

async fn refresh(server: &TestServer, token: &Value) -> Response {
    Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(server).await
}

#[tokio::test]
async fn each_refresh_returns_a_new_token_pair() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;

    let next = refresh(&server, &login["refresh_token"]).await;

    assert_eq!(next.status, 200);
    assert_eq!(next.header("cache-control"), Some("no-store"));
    let next = next.json();
    assert_eq!((&next["expires_in"], &next["token_type"]), (&json!(900), &json!("Bearer")));
    assert_eq!(next["refresh_expires_in"], 7 * 86_400);
    assert_ne!(next["refresh_token"], login["refresh_token"]);
    assert_eq!(server.me(text(&next, "access_token")).await, 200);
}

#[tokio::test]
async fn concurrent_refreshes_of_one_token_get_the_same_successor() {
    let server = Arc::new(TestServer::open().await);
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let mut tabs = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (server, token) = (Arc::clone(&server), login["refresh_token"].clone());
        tabs.spawn(async move { refresh(&server, &token).await });
    }

    let responses = tabs.join_all().await;

    let successors: std::collections::BTreeSet<String> =
        responses.iter().map(|response| text(&response.json(), "refresh_token").to_owned()).collect();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session() {
    let server = TestServer::with(|settings| settings.refresh_reuse_grace = Duration::ZERO).await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let next = refresh(&server, &login["refresh_token"]).await.json();

    assert_eq!(refresh(&server, &login["refresh_token"]).await.status, 401);

    assert_eq!(refresh(&server, &next["refresh_token"]).await.status, 401);
    assert_eq!(server.me(text(&next, "access_token")).await, 401);
}

#[tokio::test]
async fn unknown_ended_and_malformed_refresh_tokens_get_the_same_response() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let token = text(&login, "refresh_token");
    let unknown = format!("cfr_{}.0.{}", "A".repeat(22), "A".repeat(43));
    let forged = format!("{}A", &token[..token.len() - 1]);
    Request::post("/v1/logout").bearer(text(&login, "access_token")).send(&server).await;

    let ended = refresh(&server, &json!(token)).await;

    assert_eq!(ended.status, 401);
    let ended = ended.without_id();
    for other in [unknown, forged, "cfr_nonsense".into()] {
        assert_eq!(refresh(&server, &json!(other)).await.without_id(), ended);
    }
}

#[tokio::test]
async fn a_refresh_by_cookie_is_answered_with_cookies() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "hybrid").await;
    let (access, token) =
        (browser.cookie("access").unwrap().to_owned(), browser.cookie("refresh").unwrap().to_owned());

    for request in [Request::post("/v1/refresh"), Request::post("/v1/refresh").json(&json!({}))] {
        let response = browser.send(request, &server).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert!(response.json()["access_token"].is_null() && response.json()["refresh_token"].is_null());
        assert_eq!(response.json()["expires_in"], 900);
    }

    assert_ne!(browser.cookie("access").unwrap(), access);
    assert_ne!(browser.cookie("refresh").unwrap(), token);
    assert_eq!(browser.send(Request::get("/v1/me"), &server).await.status, 200);
}

#[tokio::test]
async fn a_refresh_cannot_widen_the_scope() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let wider = json!({ "refresh_token": login["refresh_token"], "scope": "admin" });

    assert_eq!(Request::post("/v1/refresh").json(&wider).send(&server).await.status, 403);
    let broken = json!({ "refresh_token": login["refresh_token"], "scope": "a  b" });
    assert_eq!(Request::post("/v1/refresh").json(&broken).send(&server).await.status, 422);
}

#[tokio::test]
async fn a_token_exchange_can_only_narrow_the_scope() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let session = text(&server.login("ada", "session").await, "session_token").to_owned();
    let exchange = |bearer: &str, form: Value| {
        let request = Request::post("/v1/token").bearer(bearer).json(&form);
        let server = &server;
        async move { request.send(server).await }
    };

    let first = exchange(&session, json!({ "scope": "read write" })).await.json();
    assert_eq!((&first["scope"], &first["expires_in"]), (&json!("read write"), &json!(900)));
    let first = text(&first, "access_token");
    assert_eq!(exchange(first, json!({ "scope": "read" })).await.json()["scope"], "read");
    assert_eq!(exchange(first, json!({})).await.json()["scope"], "read write");
    assert_eq!(exchange(first, json!({ "scope": "admin" })).await.status, 403);
    assert_eq!(exchange(first, json!({ "audience": "a b" })).await.status, 422);
    assert_eq!(exchange(first, json!({ "aud": "x" })).await.status, 400);
}
