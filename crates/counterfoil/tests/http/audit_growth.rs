//! The audit log does not grow with requests that change nothing, and failures of one client are joined.

use serde_json::{Value, json};

use crate::administration::Admin;
use crate::client::Request;
use crate::test_server::{TestServer, text};

/// The kinds and details of all audit events, the newest first.
async fn events(server: &TestServer) -> Vec<(String, Value)> {
    let list = Admin::new(server).await.get("/v1/admin/events?limit=1000").await;
    let events = list["events"].as_array().unwrap().iter();
    let events = events.map(|event| (text(event, "kind").to_owned(), event["detail"].clone()));
    events.filter(|(kind, _)| kind != "admin_key_created").collect()
}

async fn count(server: &TestServer, kind: &str) -> usize {
    events(server).await.iter().filter(|(found, _)| found == kind).count()
}

#[tokio::test]
async fn an_exchange_is_recorded_once_for_each_session_and_audience() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let first = text(&server.login("ada", "session").await, "session_token").to_owned();
    let second = text(&server.login("ada", "session").await, "session_token").to_owned();
    let exchange = async |bearer: &str, body: Value| {
        let response = Request::post("/v1/token").json(&body).bearer(bearer).send(&server).await;
        assert_eq!(response.status, 200, "{response:?}");
    };

    for _ in 0..20 {
        exchange(&first, json!({})).await;
        exchange(&first, json!({ "audience": server.origin })).await;
        exchange(&second, json!({})).await;
    }

    assert_eq!(count(&server, "token_exchanged").await, 3);
}

#[tokio::test]
async fn an_exchanged_token_that_was_not_recorded_ends_with_its_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    let exchange = Request::post("/v1/token").bearer(&bearer);
    exchange.send(&server).await;
    let token = text(&exchange.send(&server).await.json(), "access_token").to_owned();
    assert_eq!(server.me(&token).await, 200);

    let logout = Request::post("/v1/logout").bearer(&bearer).send(&server).await;

    assert_eq!(logout.status, 204);
    assert_eq!(server.me(&token).await, 401);
    assert_eq!(exchange.send(&server).await.status, 401);
}

#[tokio::test]
async fn a_request_that_ends_nothing_writes_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    let ended = text(&server.login("ada", "session").await, "session_token").to_owned();
    assert_eq!(Request::post("/v1/logout").bearer(&ended).send(&server).await.status, 204);
    let (before, commits) = (events(&server).await, committed(&server).await);

    for _ in 0..10 {
        let response = Request::new("DELETE", "/v1/sessions").bearer(&bearer).send(&server).await;
        assert_eq!((response.status, &response.json()["revoked"]), (200, &json!(0)), "{response:?}");
        assert_eq!(Request::post("/v1/logout").bearer(&ended).send(&server).await.status, 204);
        let unknown = "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(Request::new("DELETE", unknown).bearer(&bearer).send(&server).await.status, 404);
    }

    // One of the admin key with which the events were read, and those of the background jobs.
    assert!(committed(&server).await < commits + 5, "nothing is committed");
    assert_eq!(events(&server).await, before);
}

/// The number of write requests to the store so far.
async fn committed(server: &TestServer) -> u64 {
    let metrics = server.app.metrics().await;
    let line = metrics.lines().find(|line| line.starts_with("counterfoil_store_commit_seconds_count"));
    line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_else(|| panic!("{metrics}"))
}

#[tokio::test]
async fn failed_logins_of_one_client_are_joined_and_none_is_lost_at_shutdown() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for _ in 0..30 {
        let form = json!({ "username": "ada", "password": "wrong horse battery" });
        assert_eq!(Request::post("/v1/login").json(&form).send(&server).await.status, 401);
    }
    let failed = events(&server).await.into_iter().filter(|(kind, _)| kind == "login_failed");
    assert_eq!(
        failed.map(|(_, detail)| detail).collect::<Vec<_>>(),
        ["wrong password"],
        "the first, at once"
    );

    server.app.close().await.unwrap();

    let reopened = counterfoil::App::open(server.app.settings().clone()).await.unwrap();
    let list = reopened.administer(counterfoil::operator::Command::AuditList {
        filter: counterfoil::operator::AuditFilterRequest { user: Some("ada".into()), ..Default::default() },
        after: None,
        limit: Some(10),
    });
    let list = list.await.unwrap();
    let newest = &list["events"][0];
    assert_eq!((text(newest, "kind"), text(newest, "detail")), ("login_failed", "29 more: wrong password"));
    assert_eq!(text(newest, "ip"), "127.0.0.1");
    reopened.close().await.unwrap();
}
