//! A password change ends all other sessions, and replaces the credentials of its own.

use std::time::Duration;

use serde_json::{Value, json};

use counterfoil::operator::{Command, UserChangeRequest};
use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::client::{Request, Response};
use crate::test_server::{Browser, PASSWORD, TestServer, text};

const NEW: &str = "another horse battery";
const WRONG: &str = "wrong horse battery";

async fn change(server: &TestServer, bearer: &str, current: &str, new: &str) -> Response {
    let form = json!({ "current_password": current, "new_password": new });
    Request::post("/v1/password").bearer(bearer).json(&form).send(server).await
}

/// A password change without a session.
fn with_username(username: &str, current: &str, new: &str) -> Request {
    let form = json!({ "username": username, "current_password": current, "new_password": new });
    Request::post("/v1/password").json(&form)
}

async fn log_in(server: &TestServer, username: &str, password: &str) -> Response {
    let form = json!({ "username": username, "password": password });
    Request::post("/v1/login").json(&form).send(server).await
}

async fn login_status(server: &TestServer, password: &str) -> u16 {
    log_in(server, "ada", password).await.status
}

async fn refresh(server: &TestServer, pair: &Value) -> Response {
    let form = json!({ "refresh_token": pair["refresh_token"] });
    Request::post("/v1/refresh").json(&form).send(server).await
}

#[tokio::test]
async fn a_password_change_ends_every_other_session_in_every_mode() {
    for (mode, member) in [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")]
    {
        let server = TestServer::open().await;
        server.register("ada").await;
        let mut others: Vec<Value> = Vec::new();
        for other in ["session", "jwt", "hybrid"] {
            others.push(server.login("ada", other).await);
        }
        let mine = server.login("ada", mode).await;

        let changed = change(&server, text(&mine, member), PASSWORD, NEW).await;

        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(server.me(text(&changed.json(), member)).await, 200, "{mode}");
        assert_eq!(server.me(text(&others[0], "session_token")).await, 401);
        assert_eq!(server.me(text(&others[1], "access_token")).await, 401);
        assert_eq!(server.me(text(&others[2], "access_token")).await, 401);
        assert_eq!(refresh(&server, &others[2]).await.status, 401);
        assert_eq!((login_status(&server, PASSWORD).await, login_status(&server, NEW).await), (401, 200));
    }
}

#[tokio::test]
async fn the_answer_has_new_credentials_of_the_same_session_and_the_former_ones_are_invalid() {
    for (mode, member) in [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")]
    {
        let server = TestServer::open().await;
        server.register("ada").await;
        let former = server.login("ada", mode).await;
        let exchange = Request::post("/v1/token").bearer(text(&former, member)).json(&json!({}));
        let exchanged = exchange.send(&server).await.json();

        let changed = change(&server, text(&former, member), PASSWORD, NEW).await;

        assert!(changed.all("set-cookie").is_empty(), "{changed:?}");
        assert_eq!(changed.header("cache-control"), Some("no-store"));
        let new = changed.json();
        assert_eq!((&new["session"], &new["user"]), (&former["session"], &former["user"]));
        assert_ne!(new[member], former[member]);
        assert_eq!(server.me(text(&former, member)).await, 401, "{mode}");
        assert_eq!(server.me(text(&exchanged, "access_token")).await, 401, "{mode}");
        assert_eq!(server.me(text(&new, member)).await, 200, "{mode}");
        // A second change in the same second, with the new credential.
        let again = change(&server, text(&new, member), NEW, PASSWORD).await.json();
        assert_eq!((server.me(text(&new, member)).await, server.me(text(&again, member)).await), (401, 200));
    }
}

#[tokio::test]
async fn a_former_refresh_token_is_refused_and_does_not_end_the_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let former = server.login("ada", "hybrid").await;
    let used = refresh(&server, &former).await.json();

    let new = change(&server, text(&used, "access_token"), PASSWORD, NEW).await.json();

    for dead in [&former, &used] {
        assert_eq!(refresh(&server, dead).await.status, 401);
        let logout = Request::post("/v1/logout").json(&json!({ "refresh_token": dead["refresh_token"] }));
        assert_eq!(logout.send(&server).await.status, 204);
        let logout = Request::post("/v1/logout").bearer(text(dead, "access_token"));
        assert_eq!(logout.send(&server).await.status, 204);
    }
    assert_eq!(server.me(text(&new, "access_token")).await, 200, "the thief of a former token ends nothing");
    let next = refresh(&server, &new).await;
    assert_eq!((next.status, refresh(&server, &next.json()).await.status), (200, 200));
    let list = Command::AuditList { filter: Default::default(), after: None, limit: None };
    let events = server.app.administer(list).await.unwrap().to_string();
    assert!(!events.contains("refresh_reuse_detected"), "{events}");
}

#[tokio::test]
async fn a_browser_gets_new_cookies_and_the_former_ones_are_invalid() {
    for mode in ["session", "jwt", "hybrid"] {
        let server = TestServer::open().await;
        server.register("ada").await;
        let mut browser = Browser::default();
        server.login_browser(&mut browser, "ada", mode).await;
        let former = browser.clone();
        let form = json!({ "current_password": PASSWORD, "new_password": NEW });

        let changed = browser.send(Request::post("/v1/password").json(&form), &server).await;

        assert_eq!((changed.status, browser.names()), (200, former.names()), "{changed:?}");
        let body = changed.json();
        for secret in ["session_token", "access_token", "refresh_token"] {
            assert!(body[secret].is_null(), "{body}");
        }
        assert!(former.cookies.iter().all(|cookie| !browser.cookies.contains(cookie)));
        assert_eq!(browser.send(Request::get("/v1/me"), &server).await.status, 200, "{mode}");
        assert_eq!(former.clone().send(Request::get("/v1/me"), &server).await.status, 401, "{mode}");
        if mode == "hybrid" {
            assert_eq!(former.clone().send(Request::post("/v1/refresh"), &server).await.status, 401);
            assert_eq!(browser.send(Request::post("/v1/refresh"), &server).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_limited_token_gets_no_more_than_it_was() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let exchange = Request::post("/v1/token").bearer(text(&login, "session_token"));
    let limited = exchange.json(&json!({ "scope": "counterfoil:account" })).send(&server).await.json();

    let new = change(&server, text(&limited, "access_token"), PASSWORD, NEW).await.json();

    assert!(new["session_token"].is_null() && new["refresh_token"].is_null(), "{new}");
    assert_eq!(new["scope"], "counterfoil:account");
    assert!(new["expires_in"].as_u64() <= limited["expires_in"].as_u64(), "{new}");
    assert_eq!(server.me(text(&new, "access_token")).await, 200);
    for dead in [text(&login, "session_token"), text(&limited, "access_token")] {
        assert_eq!(server.me(dead).await, 401);
    }
}

#[tokio::test]
async fn the_answer_names_the_wrong_field_only_where_the_session_names_the_user() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let detail = |response: Response| {
        assert_eq!((response.status, &response.json()["code"]), (401, &json!("invalid_credentials")));
        response.json()["detail"].as_str().unwrap().to_owned()
    };

    let in_session = change(&server, text(&login, "session_token"), WRONG, NEW).await;
    assert_eq!(detail(in_session), "the current password is wrong");
    for username in ["ada", "unknown"] {
        let without = with_username(username, WRONG, NEW).send(&server).await;
        assert_eq!(detail(without), "the username or the password is wrong", "{username}");
    }
}

#[tokio::test]
async fn a_wrong_or_weak_password_changes_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mine = server.login("ada", "session").await;
    let other = server.login("ada", "session").await;
    let bearer = text(&mine, "session_token");

    let wrong = change(&server, bearer, WRONG, NEW).await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (401, &json!("invalid_credentials")));
    let short = change(&server, bearer, PASSWORD, "short").await;
    assert_eq!((short.status, &short.json()["errors"][0]["field"]), (422, &json!("new_password")));
    assert_eq!(change(&server, bearer, PASSWORD, &"x".repeat(257)).await.status, 422);
    for new in ["short", "ada-ada-ada"] {
        assert_eq!(with_username("ada", PASSWORD, new).send(&server).await.status, 422, "{new}");
    }

    assert_eq!(server.me(bearer).await, 200);
    assert_eq!(server.me(text(&other, "session_token")).await, 200);
    assert_eq!(login_status(&server, PASSWORD).await, 200);
}

#[tokio::test]
async fn with_the_username_the_owner_ends_every_session_without_having_one() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (thief, hybrid) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);

    let changed = with_username("Ada", PASSWORD, NEW).send(&server).await;

    assert_eq!((changed.status, changed.body.len()), (204, 0), "{changed:?}");
    assert_eq!(server.me(text(&thief, "session_token")).await, 401);
    assert_eq!(server.me(text(&hybrid, "access_token")).await, 401);
    assert_eq!(refresh(&server, &hybrid).await.status, 401);
    assert_eq!((login_status(&server, PASSWORD).await, login_status(&server, NEW).await), (401, 200));
}

#[tokio::test]
async fn with_the_username_other_credentials_of_the_request_are_ignored() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("bob").await;
    let (mut ada, mut bob) = (Browser::default(), Browser::default());
    server.login_browser(&mut ada, "ada", "session").await;
    server.login_browser(&mut bob, "bob", "session").await;

    let changed = bob.send(with_username("ada", PASSWORD, NEW), &server).await;
    assert_eq!((changed.status, bob.names().len()), (204, 1), "the cookie of another user stays");
    assert_eq!(bob.send(Request::get("/v1/me"), &server).await.status, 200);
    assert_eq!(ada.clone().send(Request::get("/v1/me"), &server).await.status, 401);

    // The cookie of an ended session does not keep the owner out, nor do two different credentials.
    let two = with_username("ada", NEW, PASSWORD).bearer("cfs_other");
    assert_eq!(ada.send(two, &server).await.status, 204);
    assert!(ada.cookies.is_empty(), "cookies without a live session are cleared");

    let login = server.login("ada", "session").await;
    let form = json!({ "client_id": "default", "current_password": PASSWORD, "new_password": NEW });
    let request = Request::post("/v1/password").json(&form);
    assert_eq!(request.clone().send(&server).await.status, 401);
    assert_eq!(request.bearer(text(&login, "session_token")).send(&server).await.status, 422);
}

#[tokio::test]
async fn with_the_username_the_answer_is_that_of_a_failed_login_whatever_is_wrong() {
    let server = TestServer::open().await;
    for user in ["ada", "bob"] {
        server.register(user).await;
    }
    let change = UserChangeRequest { disabled: Some(true), ..UserChangeRequest::default() };
    server.app.administer(Command::UserChange { user: "bob".into(), change }).await.unwrap();
    let expected = log_in(&server, "unknown", WRONG).await.without_id();

    // A new password that contains the name or the address of a user is no error before the current one is right.
    for new in [NEW, "ada-ada-ada", "bob-bob-bob"] {
        for (user, password) in
            [("ada", WRONG), ("bob", PASSWORD), ("unknown", PASSWORD), ("\u{7}", PASSWORD)]
        {
            let refused = with_username(user, password, new).send(&server).await;
            assert_eq!(refused.without_id(), expected, "{user} {new}");
        }
    }
}

#[tokio::test]
async fn with_the_username_failures_count_as_those_of_a_login() {
    let server = TestServer::with(|settings| {
        settings.rate_limits.per_account_and_ip = RateLimit { max: 4, window: Duration::from_secs(900) };
    })
    .await;
    server.register("ada").await;
    for name in ["ada", "unknown"] {
        for _ in 0..2 {
            assert_eq!(log_in(&server, name, WRONG).await.status, 401);
            assert_eq!(with_username(name, WRONG, NEW).send(&server).await.status, 401);
        }
        let refused = with_username(name, PASSWORD, NEW).send(&server).await;
        assert!(refused.status == 429 && refused.header("retry-after").is_some(), "{refused:?}");
        assert_eq!(log_in(&server, name, PASSWORD).await.status, 429);
    }
}

#[tokio::test]
async fn a_temporary_password_is_not_changed_to_itself_and_is_no_longer_said_after_a_change() {
    let server = TestServer::open().await;
    server.import_with_temporary_password("ada").await;
    let login = server.login("ada", "session").await;
    assert_eq!(login["user"]["password_change_required"], true);
    let bearer = text(&login, "session_token");

    let unchanged = change(&server, bearer, PASSWORD, PASSWORD).await;
    assert_eq!((unchanged.status, &unchanged.json()["errors"][0]["field"]), (422, &json!("new_password")));
    let changed = change(&server, bearer, PASSWORD, NEW).await;

    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json()["user"].get("password_change_required"), None, "{changed:?}");
}
