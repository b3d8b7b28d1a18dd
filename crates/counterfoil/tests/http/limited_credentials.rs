//! Credentials that are limited by scope or audience: what they end, get and refresh.

use counterfoil::operator::{ClientChangeRequest, Command, UserChangeRequest};
use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::test_server::{Browser, PASSWORD, TestServer, text};

async fn login(server: &TestServer, further: Value) -> Response {
    let mut form = json!({ "username": "ada", "password": PASSWORD });
    form.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    Request::post("/v1/login").json(&form).send(server).await
}

#[tokio::test]
async fn logout_with_a_token_for_another_audience_ends_its_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let shop = login(&server, json!({"mode":"jwt","audience":"https://shop.example"})).await.json();
    let out = Request::post("/v1/logout").bearer(text(&shop, "access_token")).send(&server).await;
    let list = server
        .app
        .administer(Command::SessionList {
            user: Some("ada".into()),
            ip: None,
            mode: None,
            after: None,
            limit: None,
        })
        .await
        .unwrap();
    assert_eq!((out.status, list["sessions"].as_array().unwrap().len()), (204, 0), "logout");
}

#[tokio::test]
async fn a_scoped_exchanged_token_cannot_end_the_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let s = login(&server, json!({"mode":"session"})).await.json();
    let t = Request::post("/v1/token")
        .json(&json!({"scope":"read"}))
        .bearer(text(&s, "session_token"))
        .send(&server)
        .await
        .json();
    let id = text(&s["session"], "id").to_owned();
    let del = Request::new("DELETE", &format!("/v1/sessions/{id}"))
        .bearer(text(&t, "access_token"))
        .send(&server)
        .await;
    assert_eq!(del.status, 403);
    let out = Request::post("/v1/logout").bearer(text(&t, "access_token")).send(&server).await;
    assert_eq!(
        (out.status, server.me(text(&s, "session_token")).await),
        (403, 200),
        "logout by a scoped token"
    );
}

#[tokio::test]
async fn a_scoped_session_token_gets_no_other_audience() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let s = login(&server, json!({"mode":"session","scope":"read"})).await.json();
    let t = Request::post("/v1/token")
        .json(&json!({"audience":"https://bank.example"}))
        .bearer(text(&s, "session_token"))
        .send(&server)
        .await;
    assert_eq!(t.status, 403, "{t:?}");
}

/// Otherwise the difference would confirm a password, without an audit event of a login.
#[tokio::test]
async fn a_request_that_the_client_may_not_make_is_refused_for_a_wrong_password_too() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for password in [PASSWORD, "wrong horse"] {
        let request = json!({ "password": password, "mode": "session", "audience": "https://x.example" });
        assert_eq!(login(&server, request).await.status, 422, "{password}");
    }
}

#[tokio::test]
async fn a_refresh_checks_the_audience_of_the_client() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let client = ClientChangeRequest { audiences: Some(None), ..ClientChangeRequest::default() };
    server.app.administer(Command::ClientAdd { id: "shop".into(), client }).await.unwrap();
    let p = login(
        &server,
        json!({"mode":"hybrid","client_id":"shop","audience":"https://bank.example","scope":"write"}),
    )
    .await
    .json();
    let client = ClientChangeRequest {
        audiences: Some(Some(vec![])),
        scopes: Some(Some(vec![])),
        ..ClientChangeRequest::default()
    };
    server.app.administer(Command::ClientSet { id: "shop".into(), client }).await.unwrap();
    let r = Request::post("/v1/refresh")
        .json(&json!({"refresh_token": text(&p, "refresh_token")}))
        .send(&server)
        .await;
    assert_eq!(r.status, 403, "{r:?}");
}

#[tokio::test]
async fn admin_keys_of_one_millisecond_are_listed_once() {
    let server = TestServer::open().await;
    let mut n = 0;
    for i in 0..40 {
        server.app.administer(Command::AdminKeyAdd { name: format!("k{i}") }).await.unwrap();
        n += 1;
    }
    let (mut after, mut seen) = (None, 0);
    loop {
        let l = server
            .app
            .administer(Command::AdminKeyList { after: after.clone(), limit: Some(1) })
            .await
            .unwrap();
        seen += l["admin_keys"].as_array().unwrap().len();
        match l["next"].as_str() {
            Some(t) => after = Some(t.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, n);
}

#[tokio::test]
async fn a_refresh_into_a_cookie_that_is_too_large_rotates_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    let form = json!({"username":"ada","password":PASSWORD,"mode":"hybrid","transport":"cookie","scope":"s".repeat(500)});
    let r = browser.send(Request::post("/v1/login").json(&form), &server).await;
    assert_eq!(r.status, 200, "{r:?}");
    let roles = (0..32).map(|i| format!("{i:064}")).collect();
    let change = UserChangeRequest { roles: Some(roles), ..Default::default() };
    server.app.administer(Command::UserChange { user: "ada".into(), change }).await.unwrap();
    let r = browser.send(Request::post("/v1/refresh"), &server).await;
    let events = server
        .app
        .administer(Command::AuditList { filter: Default::default(), after: None, limit: None })
        .await
        .unwrap();
    assert_eq!((r.status, events.to_string().contains("\"refreshed\"")), (422, false));
}
