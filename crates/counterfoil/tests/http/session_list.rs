//! `/v1/sessions`: a user lists and ends their own sessions.

use serde_json::{Value, json};

use crate::client::Request;
use crate::test_server::{Browser, PASSWORD, Site, text};

async fn list(site: &Site, bearer: &str, query: &str) -> Value {
    let answer = Request::get(&format!("/v1/sessions{query}")).bearer(bearer).send(site).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn the_list_shows_sessions_of_every_mode() {
    let site = Site::open().await;
    site.register("ada").await;
    site.login("ada", "jwt").await;
    site.login("ada", "hybrid").await;
    let form = json!({ "username": "ada", "password": PASSWORD, "label": "Ada's laptop" });
    let login = Request::post("/v1/login").json(&form).header("user-agent", "Curl/8 \u{1f980}");
    let current = text(&login.send(&site).await.json(), "session_token").to_owned();

    let list = list(&site, &current, "").await;

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
    let site = Site::open().await;
    site.register("ada").await;
    let mut bearer = String::new();
    for _ in 0..7 {
        bearer = text(&site.login("ada", "session").await, "session_token").to_owned();
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    for expected in [3, 3, 1] {
        let page = list(&site, &bearer, &format!("?limit=3{after}")).await;
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
    let site = Site::open().await;
    site.register("ada").await;
    let bearer = text(&site.login("ada", "session").await, "session_token").to_owned();
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
        let answer = Request::get(&path).bearer(&bearer).send(&site).await;
        assert_eq!(answer.status, 422, "{query} {answer:?}");
        assert!(answer.json()["errors"][0]["field"].is_string());
    }
    for forged in ["_".repeat(32), "A".repeat(32)] {
        list(&site, &bearer, &format!("?after={forged}")).await;
    }
}

#[tokio::test]
async fn a_session_can_end_only_sessions_of_its_own_user() {
    let site = Site::open().await;
    site.register("ada").await;
    site.register("eve").await;
    let (one, other) = (site.login("ada", "session").await, site.login("ada", "hybrid").await);
    let eve = site.login("eve", "session").await;
    let end = |bearer: &Value, member: &str, id: &Value| {
        let path = format!("/v1/sessions/{}", text(&id["session"], "id"));
        let request = Request::new("DELETE", &path).bearer(text(bearer, member));
        let site = &site;
        async move { request.send(site).await }
    };

    let stranger = end(&eve, "session_token", &other).await;
    assert_eq!(stranger.status, 404);
    let unknown = Request::new("DELETE", "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA");
    let unknown = unknown.bearer(text(&eve, "session_token")).send(&site).await;
    assert_eq!(
        stranger.without_id(),
        unknown.without_id(),
        "another user's session and an unknown one get the same response"
    );

    assert_eq!(end(&one, "session_token", &other).await.status, 204);
    assert_eq!(site.me(text(&other, "access_token")).await, 401);
    let refresh = json!({ "refresh_token": other["refresh_token"] });
    assert_eq!(Request::post("/v1/refresh").json(&refresh).send(&site).await.status, 401);
    assert_eq!(end(&one, "session_token", &other).await.status, 404, "the session has already ended");
    assert_eq!(site.me(text(&one, "session_token")).await, 200);
}

#[tokio::test]
async fn delete_sessions_ends_the_others_and_with_except_none_all() {
    let site = Site::open().await;
    site.register("ada").await;
    let others = [site.login("ada", "jwt").await, site.login("ada", "hybrid").await];
    let mut browser = Browser::default();
    site.login_browser(&mut browser, "ada", "session").await;

    let answer = browser.send(Request::new("DELETE", "/v1/sessions"), &site).await;
    assert_eq!(answer.json(), json!({ "revoked": 2 }));
    for other in &others {
        assert_eq!(site.me(text(other, "access_token")).await, 401);
    }
    assert_eq!(browser.send(Request::get("/v1/me"), &site).await.status, 200);
    assert_eq!(browser.send(Request::new("DELETE", "/v1/sessions?except=x"), &site).await.status, 422);

    let old = browser.clone();
    let answer = browser.send(Request::new("DELETE", "/v1/sessions?except=none"), &site).await;
    assert_eq!(answer.json(), json!({ "revoked": 1 }));
    assert!(browser.cookies.is_empty());
    assert_eq!(old.clone().send(Request::get("/v1/me"), &site).await.status, 401);
}

#[tokio::test]
async fn ending_the_current_session_clears_its_cookies() {
    let site = Site::open().await;
    site.register("ada").await;
    let mut browser = Browser::default();
    let login = site.login_browser(&mut browser, "ada", "hybrid").await.json();

    let path = format!("/v1/sessions/{}", text(&login["session"], "id"));
    assert_eq!(browser.send(Request::new("DELETE", &path), &site).await.status, 204);

    assert!(browser.cookies.is_empty());
}
