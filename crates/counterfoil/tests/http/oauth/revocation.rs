//! What a client revokes with a token, and what stays valid.

use serde_json::{Value, json};

use crate::administration::Admin;
use crate::client::Request;
use crate::feed::add_key;
use crate::oauth::{ResourceServer, exchange, login_with, post, revoke, tampered};
use crate::test_server::{Browser, TestServer, text};

async fn refresh(server: &TestServer, token: &str) -> u16 {
    Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(server).await.status
}

/// The audit events, newest first.
async fn events(server: &TestServer) -> Vec<Value> {
    let events = Admin::new(server).await.get("/v1/admin/events").await;
    events["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_session_token_ends_its_session_with_all_exchanged_tokens() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (login, other) = (server.login("ada", "session").await, server.login("ada", "session").await);
    let token = text(&login, "session_token");
    let exchanged = exchange(&server, token, json!({})).await;

    assert_eq!(revoke(&server, token).await, 200);

    assert_eq!((server.me(token).await, server.me(&exchanged).await), (401, 401));
    assert_eq!(server.me(text(&other, "session_token")).await, 200, "another session stays");
    let ended = &events(&server).await[0..3];
    let ended = ended.iter().find(|event| event["kind"] == "session_ended").unwrap();
    assert_eq!((&ended["reason"], &ended["session"]), (&json!("logout"), &login["session"]["id"]));
}

#[tokio::test]
async fn a_refresh_token_of_any_generation_ends_its_session_and_its_access_tokens() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let first = text(&login, "refresh_token").to_owned();
    let rotated = Request::post("/v1/refresh").json(&json!({ "refresh_token": first }));
    let rotated = rotated.send(&server).await.json();

    assert_eq!(revoke(&server, &first).await, 200);

    assert_eq!(refresh(&server, text(&rotated, "refresh_token")).await, 401);
    for login in [&login, &rotated] {
        assert_eq!(server.me(text(login, "access_token")).await, 401);
    }
}

#[tokio::test]
async fn an_access_token_beside_a_refresh_token_is_revoked_alone() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let (token, refresh_token) = (text(&login, "access_token"), text(&login, "refresh_token"));
    let sibling = exchange(&server, token, json!({})).await;

    assert_eq!([revoke(&server, token).await, revoke(&server, token).await], [200, 200]);

    assert_eq!((server.me(token).await, server.me(&sibling).await), (401, 200));
    assert_eq!(refresh(&server, refresh_token).await, 200, "its session stays");
    let revoked = events(&server).await.into_iter().filter(|event| event["kind"] == "token_revoked").count();
    assert_eq!(revoked, 1, "a token that is revoked is not revoked again");
}

#[tokio::test]
async fn an_access_token_that_is_all_there_is_ends_its_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for further in [json!({ "mode": "jwt" }), json!({ "mode": "jwt", "audience": "https://shop.example" })] {
        let login = login_with(&server, further).await;
        let sibling = server.login("ada", "session").await;

        assert_eq!(revoke(&server, text(&login, "access_token")).await, 200);

        let list =
            Request::get("/v1/sessions").bearer(text(&sibling, "session_token")).send(&server).await.json();
        let ids: Vec<&Value> = list["sessions"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert!(
            !ids.contains(&&login["session"]["id"]) && ids.contains(&&sibling["session"]["id"]),
            "{list}"
        );
    }
}

#[tokio::test]
async fn a_limited_token_revokes_itself_and_never_its_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (scope, audience) = (json!({ "scope": "read" }), json!({ "audience": "https://shop.example" }));
    for (mode, own, limit) in [
        ("session", "session_token", &scope),
        ("session", "session_token", &audience),
        ("jwt", "access_token", &audience),
        ("hybrid", "access_token", &audience),
    ] {
        let login = server.login("ada", mode).await;
        let own = text(&login, own);
        let token = exchange(&server, own, limit.clone()).await;
        let resource_server = ResourceServer::new(&server).await;
        assert!(resource_server.is_active(&token).await);

        assert_eq!(revoke(&server, &token).await, 200);

        assert!(!resource_server.is_active(&token).await);
        assert_eq!(server.me(own).await, 200, "{mode}");
    }
}

#[tokio::test]
async fn an_unknown_and_an_invalid_token_get_200_and_change_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let [access, refresh_token] = ["access_token", "refresh_token"].map(|name| text(&login, name));
    let session = text(&login["session"], "id");
    for token in [
        "unknown",
        "a.b.c",
        &format!("cfs_{session}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        &format!("cfr_{session}.0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        &tampered(access),
        &format!("{refresh_token}A"),
        &"x".repeat(20_000),
    ] {
        assert_eq!(revoke(&server, token).await, 200, "{token}");
    }
    assert_eq!((server.me(access).await, refresh(&server, refresh_token).await), (200, 200));
}

#[tokio::test]
async fn the_key_of_a_program_is_no_token_to_revoke() {
    let server = TestServer::open().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    for token in [key.as_str(), &admin.bearer, "cfv_unknown"] {
        let response = post("/oauth/revoke", &[("token", token)]).send(&server).await;
        assert_eq!((response.status, &response.json()["error"]), (400, &json!("unsupported_token_type")));
    }
}

#[tokio::test]
async fn a_token_of_another_client_stays_valid() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let session = server.login("ada", "session").await;
    for token in
        [text(&login, "access_token"), text(&login, "refresh_token"), text(&session, "session_token")]
    {
        let response = post("/oauth/revoke", &[("token", token), ("client_id", "shop")]).send(&server).await;
        assert_eq!((response.status, &response.json()["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(server.me(text(&login, "access_token")).await, 200);
    assert_eq!(server.me(text(&session, "session_token")).await, 200);

    let own = [("token", text(&login, "refresh_token")), ("client_id", "default")];
    assert_eq!(post("/oauth/revoke", &own).send(&server).await.status, 200);
    assert_eq!(server.me(text(&login, "access_token")).await, 401);
}

#[tokio::test]
async fn a_request_with_client_credentials_is_refused_and_revokes_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let (key, token) = (add_key(&server).await, text(&login, "session_token"));
    for request in [
        post("/oauth/revoke", &[("token", token)]).bearer(&key),
        post("/oauth/revoke", &[("token", token)]).bearer(token),
        post("/oauth/revoke", &[("token", token)]).header("authorization", "Basic ZGVmYXVsdDo="),
        post("/oauth/revoke", &[("token", token), ("client_id", "default"), ("client_secret", "x")]),
    ] {
        let response = request.send(&server).await;
        assert_eq!(
            (response.status, &response.json()["error"]),
            (401, &json!("invalid_client")),
            "{request:?}"
        );
    }
    assert_eq!(server.me(token).await, 200);
}

#[tokio::test]
async fn revocations_of_exchanged_tokens_have_a_rate_limit_and_those_of_sessions_have_none() {
    let server = TestServer::with(|settings| settings.write_rate_limits.per_session.max = 3).await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let token = text(&login, "session_token");
    let exchanged = [exchange(&server, token, json!({})).await, exchange(&server, token, json!({})).await];

    assert_eq!([revoke(&server, &exchanged[0]).await, revoke(&server, &exchanged[1]).await], [200, 429]);
    assert_eq!(server.me(&exchanged[1]).await, 200, "after another answer than 200 the token is valid");

    assert_eq!((revoke(&server, token).await, server.me(&exchanged[1]).await), (200, 401));
}

#[tokio::test]
async fn cookies_are_neither_read_nor_cleared() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "hybrid").await;
    let cookies = browser.cookies.clone();

    let response = browser.send(post("/oauth/revoke", &[("token", "x")]), &server).await;
    let cross_site =
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let cross_site = post("/oauth/revoke", &[("token", "x")])
        .header("cookie", cross_site)
        .header("origin", "https://attacker.example");

    assert_eq!((response.status, response.all("set-cookie").len()), (200, 0));
    assert_eq!(
        cross_site.send(&server).await.status,
        200,
        "there is nothing to protect: the body names the token"
    );
    let me = browser.send(Request::get("/v1/me"), &server).await;
    assert_eq!(me.status, 200);
}

#[tokio::test]
async fn a_revocation_reaches_the_followers_of_the_feed() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (login, session) = (server.login("ada", "hybrid").await, server.login("ada", "session").await);
    let key = add_key(&server).await;
    let resource_server = ResourceServer { server: &server, key: key.clone() };
    let jti = text(&resource_server.introspect(text(&login, "access_token")).await, "jti").to_owned();

    revoke(&server, text(&login, "access_token")).await;
    revoke(&server, text(&session, "session_token")).await;

    let poll = Request::get("/v1/feed?instance=a&poll=1&wait=0").bearer(&key).send(&server).await.json();
    let subjects: Vec<&str> =
        poll["entries"].as_array().unwrap().iter().map(|entry| text(entry, "subject")).collect();
    let expected = [format!("token:{jti}"), format!("session:{}", text(&session["session"], "id"))];
    assert_eq!(subjects, expected);
}
