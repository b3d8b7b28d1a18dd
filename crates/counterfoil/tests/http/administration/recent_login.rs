//! The most dangerous changes need a login of the last ten minutes.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::Admin;
use crate::advanced_clock::advanced_clock;
use crate::client::{Request, Response};
use crate::test_server::{TestServer, text};

async fn send(server: &TestServer, bearer: &str, (method, path, body): &(&str, String, Value)) -> Response {
    let request = Request::new(method, path).bearer(bearer);
    let request = if body.is_null() { request } else { request.json(body) };
    request.send(server).await
}

#[tokio::test]
async fn an_old_login_of_an_administrator_changes_nothing_that_outlives_it() {
    let (advance, clock) = advanced_clock();
    let server = TestServer::with_clock(|_| {}, clock).await;
    let program = Admin::new(&server).await;
    for name in ["root", "deputy"] {
        server.add_admin(name).await;
    }
    server.register("ada").await;
    let ada = text(&server.login("ada", "session").await["user"], "id").to_owned();
    let keys = program.get("/v1/admin/keys").await;
    let kid = text(&keys["keys"][0], "id").to_owned();
    let eve = json!({ "username": "eve", "password": "a horse of many colours", "roles": ["admin"] });
    let user = format!("/v1/admin/users/{ada}");
    let dangerous = [
        ("POST", "/v1/admin/users".to_owned(), eve),
        (
            "POST",
            "/v1/admin/users".to_owned(),
            json!({ "username": "mallory", "password": "a horse of many colours" }),
        ),
        ("PATCH", user.clone(), json!({ "roles": ["admin"] })),
        ("PATCH", user.clone(), json!({ "disabled": false })),
        ("PATCH", user.clone(), json!({ "disabled": true, "external_id": null })),
        ("PATCH", user.clone(), json!({ "external_id": 7 })),
        ("PATCH", user.clone(), json!({ "email": "eve@shop.example", "email_verified": true })),
        ("PATCH", user.clone(), json!({ "add_roles": ["admin"] })),
        ("PATCH", user.clone(), json!({ "remove_roles": ["admin"] })),
        ("POST", "/v1/admin/admin-keys".to_owned(), json!({ "name": "mine" })),
        ("POST", "/v1/admin/verifier-keys".to_owned(), json!({ "name": "mine" })),
        ("POST", "/v1/admin/clients".to_owned(), json!({ "id": "mine" })),
        ("PATCH", "/v1/admin/clients/default".to_owned(), json!({ "enabled": true })),
        ("POST", "/v1/admin/keys".to_owned(), json!({ "now": true })),
        ("DELETE", format!("/v1/admin/keys/{kid}"), Value::Null),
        ("POST", "/v1/revocations".to_owned(), json!({ "subject": "key:another" })),
        ("POST", "/v1/revocations".to_owned(), json!({ "subject": "client:default" })),
        ("DELETE", user.clone(), Value::Null),
        ("POST", "/v1/revocations".to_owned(), json!({ "subject": "everyone" })),
    ];
    for (mode, token) in [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")] {
        let login = server.login("root", mode).await;
        advance.fetch_add(599, Ordering::SeqCst);
        // A refresh is no login.
        let login = if mode == "hybrid" {
            let refresh = json!({ "refresh_token": text(&login, "refresh_token") });
            Request::post("/v1/refresh").json(&refresh).send(&server).await.json()
        } else {
            login
        };
        let bearer = text(&login, token);
        // With a recent login, the route decides.
        let missing = ("DELETE", "/v1/admin/users/AAAAAAAAAAAAAAAAAAAAAA".to_owned(), Value::Null);
        assert_eq!(send(&server, bearer, &missing).await.status, 404, "{mode}");
        advance.fetch_add(1, Ordering::SeqCst);
        for change in &dangerous {
            let refused = send(&server, bearer, change).await;
            assert_eq!(refused.status, 401, "{mode} {change:?}: {refused:?}");
            assert_eq!(refused.json()["code"], "insufficient_user_authentication", "{change:?}");
            let challenge = refused.header("www-authenticate").unwrap_or_default();
            assert_eq!(challenge, r#"Bearer error="insufficient_user_authentication", max_age="600""#);
        }
        // It may still look, and shut others out who may be attackers.
        let disable = ("PATCH", user.clone(), json!({ "disabled": true }));
        assert_eq!(send(&server, bearer, &disable).await.status, 200, "{mode}");
        let list = Request::get("/v1/admin/users").bearer(bearer).send(&server).await.json();
        assert_eq!(list["users"].as_array().unwrap().len(), 3, "{mode}: {list}");
    }

    // A program has no login.
    for change in &dangerous {
        let done = send(&server, &program.bearer, change).await;
        assert!(matches!(done.status, 200 | 201 | 204 | 404), "{change:?}: {done:?}");
    }
}
