//! What the headers and the assertion say about a user, and what a request leaves behind.

use std::sync::atomic::Ordering;

use counterfoil_jose::base64url;
use serde_json::{Value, json};

use super::*;
use crate::advanced_clock::advanced_clock;
use crate::test_server::{Browser, PASSWORD, text};

#[tokio::test]
async fn the_id_of_the_application_the_proved_address_and_the_scope_are_sent() {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.forward_auth.assertion = true;
    })
    .await;
    server.register("ada").await;
    let change = UserChangeRequest {
        email: Some(Some("ada@shop.example".to_owned())),
        email_verified: Some(true),
        external_id: Some(Some(serde_json::from_value(json!(42)).unwrap())),
        ..Default::default()
    };
    server.app.administer(Command::UserChange { user: "ada".to_owned(), change }).await.unwrap();
    let body = json!({ "username": "ada", "password": PASSWORD, "scope": "read write" });
    let login = Request::post("/v1/login").json(&body).send(&server).await.json();

    let response = page("nginx").bearer(text(&login, "session_token")).send(&server).await;

    assert_allowed(&response);
    assert_eq!(response.header("remote-external-id"), Some("42"));
    let claims = response.header("remote-assertion").unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&base64url::decode(claims).unwrap()).unwrap();
    assert_eq!((&claims["external_id"], &claims["scope"]), (&json!(42), &json!("read write")));
    assert_eq!(claims["email"], "ada@shop.example");
}

#[tokio::test]
async fn the_schemes_of_websockets_count_as_those_of_http() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let ask = |scheme: &str| {
        Request::get("/v1/verify/caddy")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-proto", scheme)
            .header("x-forwarded-host", "app.example")
            .header("x-forwarded-uri", "/")
            .bearer(&token)
    };

    assert_allowed(&ask("wss").send(&server).await);
    // Their plain forms would lead a browser with a cookie to where it can be read.
    for scheme in ["ws", "http", "ftp", "WSS,https"] {
        assert_refused(&ask(scheme).send(&server).await, 400, "proxy_headers");
    }
}

#[tokio::test]
async fn a_request_through_the_proxy_counts_as_a_use_of_the_session() {
    let (advance, clock) = advanced_clock();
    let server = TestServer::with_clock(guard, clock).await;
    let [used, unused] = [session(&server, "ada", &[]).await, session(&server, "bob", &[]).await];
    let hours = |hours: u64| advance.store(hours * 3600, Ordering::SeqCst);
    hours(20);
    assert_allowed(&page("nginx").bearer(&used).send(&server).await);

    // Without a use they end after 24 hours.
    hours(40);
    assert_allowed(&page("nginx").bearer(&used).send(&server).await);
    assert_refused(&page("nginx").bearer(&unused).send(&server).await, 401, "invalid_token");
}

#[tokio::test]
async fn an_expired_access_cookie_is_no_credential_and_leads_to_the_login_page() {
    let (advance, clock) = advanced_clock();
    let server = TestServer::with_clock(guard, clock).await;
    server.register("ada").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "hybrid").await;
    assert_allowed(&browser.send(page("caddy"), &server).await);
    advance.store(3600, Ordering::SeqCst);

    let read = browser.send(page("caddy"), &server).await;
    assert_refused(&read, 401, "invalid_token");
    let opened = browser.send(page("caddy").header("sec-fetch-mode", "navigate"), &server).await;
    assert_eq!(opened.status, 303);
    assert!(opened.header("location").unwrap().starts_with("https://auth.example/login?return_to="));
}
