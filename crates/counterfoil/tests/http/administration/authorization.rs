//! Authorization of admin operations: admin keys, the admin role, scopes and cross-site requests.

use serde_json::json;

use super::{Admin, UserCredentials};
use crate::client::Request;
use crate::test_server::{Browser, TestServer, text};

/// Every documented admin operation.
fn operations() -> Vec<(String, String)> {
    let document = counterfoil::openapi();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["tags"][0] == "administration" {
                let query = match path.as_str() {
                    "/v1/admin/rate-limits" => "?username=ada",
                    _ => "",
                };
                let path = path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA") + query;
                found.push((method.to_uppercase(), path));
            }
        }
    }
    assert!(found.len() >= 18, "{found:?}");
    found
}

#[tokio::test]
async fn every_admin_operation_requires_an_administrator() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.add_admin("root").await;
    let admin = Admin::new(&server).await;
    let (ada, root) = (
        UserCredentials::log_in(&server, "ada", "default").await,
        UserCredentials::log_in(&server, "root", "default").await,
    );
    let (id, secret) = admin.bearer.split_once('.').unwrap();
    let invalid_credentials = [
        format!("cfa_AAAAAAAAAAAAAAAAAAAAAA.{secret}"),
        format!("{id}.{}", "A".repeat(43)),
        format!("{}=", admin.bearer),
        "cfa_".to_owned(),
        text(&root.hybrid, "refresh_token").to_owned(),
    ];
    for (method, path) in operations() {
        let status =
            async |bearer: &str| Request::new(&method, &path).bearer(bearer).send(&server).await.status;

        assert_eq!(Request::new(&method, &path).send(&server).await.status, 401, "{method} {path}");
        for invalid in &invalid_credentials {
            assert_eq!(status(invalid).await, 401, "{method} {path} {invalid}");
        }
        for token in [text(&ada.session, "session_token"), text(&ada.jwt, "access_token")] {
            assert_eq!(status(token).await, 403, "{method} {path}");
        }
        // An authorized request gets the resource or 404.
        if method == "GET" && path != "/v1/admin/live" {
            for token in [
                admin.bearer.as_str(),
                text(&root.session, "session_token"),
                text(&root.jwt, "access_token"),
                text(&root.hybrid, "access_token"),
            ] {
                assert!(matches!(status(token).await, 200 | 404), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn an_admin_key_is_accepted_only_by_admin_routes() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;

    for (method, path) in [
        ("GET", "/v1/me"),
        ("POST", "/v1/token"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions"),
        ("GET", "/v1/activity"),
        ("GET", "/v1/session/data"),
        ("POST", "/v1/password"),
    ] {
        assert_eq!(admin.send(method, path).await.status, 401, "{method} {path}");
    }
    let refresh = Request::post("/v1/refresh").json(&json!({ "refresh_token": admin.bearer }));
    assert_eq!(refresh.send(&server).await.status, 401);
    for name in ["session", "access", "refresh"] {
        let cookie = format!("counterfoil-{name}={}", admin.bearer);
        let response = Request::get("/v1/admin/users").header("cookie", cookie).send(&server).await;
        assert_eq!(response.status, 401, "as the cookie {name}");
    }
}

#[tokio::test]
async fn an_admin_key_is_shown_once_and_its_removal_takes_effect_at_once() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let made = admin.send_ok("POST", "/v1/admin/admin-keys", &json!({ "name": "deploy" })).await;
    let key = text(&made, "key");
    let second = Admin { server: &server, bearer: key.to_owned() };

    let list = second.get("/v1/admin/admin-keys").await;
    let names: Vec<_> = list["admin_keys"].as_array().unwrap().iter().map(|key| text(key, "name")).collect();
    assert_eq!(names, ["tests", "deploy"]);
    assert!(!list.to_string().contains(key.split_once('.').unwrap().1));

    let path = format!("/v1/admin/admin-keys/{}", text(&made, "id"));
    assert_eq!(admin.send("DELETE", &path).await.status, 204);
    assert_eq!(second.send("GET", "/v1/admin/users").await.status, 401);
    assert_eq!(admin.send("DELETE", &path).await.status, 404);
    for bad in ["", " x", "a\u{7}", &"a".repeat(65)] {
        let response = admin.send_json("POST", "/v1/admin/admin-keys", &json!({ "name": bad })).await;
        assert_eq!(response.status, 422, "{bad:?}");
    }
}

#[tokio::test]
async fn a_cross_site_request_cannot_use_an_administrators_cookie() {
    let server = TestServer::open().await;
    server.add_admin("root").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "root", "session").await;
    let cookie = format!("counterfoil-session={}", browser.cookie("session").unwrap());
    let attack = |cross: &str| {
        Request::post("/v1/revocations")
            .json(&json!({ "subject": "everyone" }))
            .header("cookie", &cookie)
            .header("sec-fetch-site", cross)
    };

    assert_eq!(attack("cross-site").send(&server).await.status, 403);
    assert_eq!(browser.send(Request::get("/v1/admin/users"), &server).await.status, 200);
    assert_eq!(attack("same-origin").send(&server).await.status, 200);
    assert_eq!(browser.send(Request::get("/v1/admin/users"), &server).await.status, 401);
}

#[tokio::test]
async fn an_access_token_with_a_scope_is_not_an_administrator() {
    let server = TestServer::open().await;
    server.add_admin("root").await;
    let root = server.login("root", "session").await;
    let exchange = Request::post("/v1/token").bearer(text(&root, "session_token"));
    let limited = exchange.json(&json!({ "scope": "orders:read" })).send(&server).await.json();
    let whole = Request::post("/v1/token").bearer(text(&root, "session_token")).send(&server).await.json();
    let status = async |token| {
        Request::get("/v1/admin/users").bearer(text(token, "access_token")).send(&server).await.status
    };

    assert_eq!(server.me(text(&limited, "access_token")).await, 200);
    assert_eq!(status(&limited).await, 403);
    assert_eq!(status(&whole).await, 200);
}

#[tokio::test]
async fn a_removed_admin_role_takes_effect_at_the_next_request() {
    let server = TestServer::open().await;
    server.add_admin("root").await;
    server.add_admin("grace").await;
    let admin = Admin::new(&server).await;
    let root = UserCredentials::log_in(&server, "root", "default").await;
    let status = async |token: &str| Request::get("/v1/admin/users").bearer(token).send(&server).await.status;
    assert_eq!(status(text(&root.session, "session_token")).await, 200);

    admin.change_user(&root.user, json!({ "roles": [] })).await;

    assert_eq!(status(text(&root.session, "session_token")).await, 403);
    assert_eq!(status(text(&root.jwt, "access_token")).await, 401);
    let refreshed = root.refresh(&server).await.json();
    assert_eq!(status(text(&refreshed, "access_token")).await, 403);
}

#[tokio::test]
async fn admin_keys_end_when_their_creator_is_no_longer_an_administrator() {
    for (method, change) in [
        ("PATCH", json!({ "roles": ["staff"] })),
        ("PATCH", json!({ "disabled": true })),
        ("DELETE", json!(null)),
    ] {
        let server = TestServer::open().await;
        server.add_admin("root").await;
        server.add_admin("grace").await;
        let operator = Admin::new(&server).await;
        let root = UserCredentials::log_in(&server, "root", "default").await;
        let own = Admin { server: &server, bearer: text(&root.session, "session_token").to_owned() };
        let made = own.send_ok("POST", "/v1/admin/admin-keys", &json!({ "name": "left behind" })).await;
        let key = Admin { server: &server, bearer: text(&made, "key").to_owned() };
        let again = key.send_ok("POST", "/v1/admin/admin-keys", &json!({ "name": "by a second_key" })).await;
        let second_key = Admin { server: &server, bearer: text(&again, "key").to_owned() };
        let list = operator.get("/v1/admin/admin-keys").await;
        let makers: Vec<_> =
            list["admin_keys"].as_array().unwrap().iter().map(|key| text(key, "created_by")).collect();
        let theirs = format!("user:{}", root.user);
        assert_eq!(makers, ["operator", &theirs, &theirs]);

        let path = format!("/v1/admin/users/{}", root.user);
        let response = match method {
            "DELETE" => operator.send(method, &path).await,
            _ => operator.send_json(method, &path, &change).await,
        };
        assert!(matches!(response.status, 200 | 204), "{change}: {response:?}");

        for removed in [&key, &second_key] {
            assert_eq!(removed.send("GET", "/v1/admin/users").await.status, 401, "{change}");
        }
        assert_eq!(operator.send("GET", "/v1/admin/users").await.status, 200, "{change}");
        let audit_log = operator.get("/v1/admin/events").await;
        let events = audit_log["events"].as_array().unwrap().iter();
        assert_eq!(events.filter(|line| line["kind"] == "admin_key_removed").count(), 2, "{change}");
    }
}
