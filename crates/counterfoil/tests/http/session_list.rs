//! `/v1/sessions`: a user lists and ends their own sessions.

use counterfoil_core::services::login_rate_limiter::RateLimit;
use serde_json::{Value, json};

use crate::client::Request;
use crate::test_server::{Browser, PASSWORD, TestServer, text};

async fn list(server: &TestServer, bearer: &str, query: &str) -> Value {
    let response = Request::get(&format!("/v1/sessions{query}")).bearer(bearer).send(server).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

#[tokio::test]
async fn the_list_shows_sessions_of_every_mode() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.login("ada", "jwt").await;
    server.login("ada", "hybrid").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "label": "Ada's laptop" });
    let login = Request::post("/v1/login").json(&form).header("user-agent", "Curl/8 \u{1f980}");
    let current = text(&login.send(&server).await.json(), "session_token").to_owned();

    let list = list(&server, &current, "").await;

    let rows = list["sessions"].as_array().unwrap();
    let modes: Vec<&str> = rows.iter().map(|row| text(row, "mode")).collect();
    assert_eq!(modes.len(), 3);
    assert!(["session", "jwt", "hybrid"].iter().all(|mode| modes.contains(mode)));
    let mine = rows.iter().find(|row| row["current"] == true).unwrap();
    assert_eq!((&mine["label"], &mine["ip"]), (&json!("Ada's laptop"), &json!("127.0.0.1")));
    assert_eq!(mine["user_agent"], "Curl/8 \u{1f980}");
    assert_eq!((&mine["client_id"], &mine["mode"]), (&json!("default"), &json!("session")));
    assert_eq!(rows.iter().filter(|row| row["current"] == true).count(), 1);
    assert_eq!(list["next"], Value::Null);
}

#[tokio::test]
async fn pagination_returns_every_session_once() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut bearer = String::new();
    for _ in 0..7 {
        bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    for expected in [3, 3, 1] {
        let page = list(&server, &bearer, &format!("?limit=3{after}")).await;
        let rows = page["sessions"].as_array().unwrap();
        assert_eq!(rows.len(), expected);
        seen.extend(rows.iter().map(|row| text(row, "id").to_owned()));
        after = page["next"].as_str().map(|next| format!("&after={next}")).unwrap_or_default();
    }
    assert_eq!(after, "");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn query_parameters_are_validated_and_a_forged_cursor_is_harmless() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1&limit=2",
        "after=x",
        "after=' OR 1=1 --",
        "after=",
        "after=%ff",
        "offset=1",
        "limit",
        "after=AAAA&after=BBBB",
    ] {
        let path = format!("/v1/sessions?{}", query.replace(' ', "%20"));
        let response = Request::get(&path).bearer(&bearer).send(&server).await;
        assert_eq!(response.status, 422, "{query} {response:?}");
        assert!(response.json()["errors"][0]["field"].is_string());
    }
    for forged in ["_".repeat(32), "A".repeat(32)] {
        list(&server, &bearer, &format!("?after={forged}")).await;
    }
}

#[tokio::test]
async fn a_session_can_end_only_sessions_of_its_own_user() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let (one, other) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);
    let eve = server.login("eve", "session").await;
    let end = |bearer: &Value, member: &str, id: &Value| {
        let path = format!("/v1/sessions/{}", text(&id["session"], "id"));
        let request = Request::new("DELETE", &path).bearer(text(bearer, member));
        let server = &server;
        async move { request.send(server).await }
    };

    let foreign = end(&eve, "session_token", &other).await;
    assert_eq!(foreign.status, 404);
    let unknown = Request::new("DELETE", "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA");
    let unknown = unknown.bearer(text(&eve, "session_token")).send(&server).await;
    assert_eq!(
        foreign.without_id(),
        unknown.without_id(),
        "another user's session and an unknown one get the same response"
    );

    assert_eq!(end(&one, "session_token", &other).await.status, 204);
    assert_eq!(server.me(text(&other, "access_token")).await, 401);
    let refresh = json!({ "refresh_token": other["refresh_token"] });
    assert_eq!(Request::post("/v1/refresh").json(&refresh).send(&server).await.status, 401);
    assert_eq!(end(&one, "session_token", &other).await.status, 404, "the session has already ended");
    assert_eq!(server.me(text(&one, "session_token")).await, 200);
}

#[tokio::test]
async fn deleting_sessions_ends_the_others_and_except_none_ends_all() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let others = [server.login("ada", "jwt").await, server.login("ada", "hybrid").await];
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "session").await;

    let response = browser.send(Request::new("DELETE", "/v1/sessions"), &server).await;
    assert_eq!(response.json(), json!({ "revoked": 2 }));
    for other in &others {
        assert_eq!(server.me(text(other, "access_token")).await, 401);
    }
    assert_eq!(browser.send(Request::get("/v1/me"), &server).await.status, 200);
    assert_eq!(browser.send(Request::new("DELETE", "/v1/sessions?except=x"), &server).await.status, 422);

    let old = browser.clone();
    let response = browser.send(Request::new("DELETE", "/v1/sessions?except=none"), &server).await;
    assert_eq!(response.json(), json!({ "revoked": 1 }));
    assert!(browser.cookies.is_empty());
    assert_eq!(old.clone().send(Request::get("/v1/me"), &server).await.status, 401);
}

#[tokio::test]
async fn ending_the_current_session_clears_its_cookies() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    let login = server.login_browser(&mut browser, "ada", "hybrid").await.json();

    let path = format!("/v1/sessions/{}", text(&login["session"], "id"));
    assert_eq!(browser.send(Request::new("DELETE", &path), &server).await.status, 204);

    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn ends_of_single_other_sessions_are_limited_and_that_of_the_own_is_not() {
    let server = TestServer::with(|settings| {
        let limit = &mut settings.write_rate_limits.single_session_ends_per_user;
        *limit = RateLimit { max: 2, ..*limit };
    })
    .await;
    server.register("ada").await;
    let thief = server.login("ada", "session").await;
    let end = async |session: &Value| {
        let path = format!("/v1/sessions/{}", text(&session["session"], "id"));
        Request::new("DELETE", &path).bearer(text(&thief, "session_token")).send(&server).await.status
    };
    for _ in 0..2 {
        assert_eq!(end(&server.login("ada", "session").await).await, 204);
    }

    let owner = server.login("ada", "session").await;
    assert_eq!((end(&owner).await, server.me(text(&owner, "session_token")).await), (429, 200));
    let out = Request::post("/v1/logout").bearer(text(&owner, "session_token"));
    assert_eq!((out.send(&server).await.status, end(&thief).await), (204, 204), "the own session");
}
