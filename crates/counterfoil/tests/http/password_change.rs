//! A password change keeps the current session and ends all others.

use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::test_server::{PASSWORD, TestServer, text};

const NEW: &str = "another horse battery";

async fn change(server: &TestServer, bearer: &str, current: &str, new: &str) -> Response {
    let form = json!({ "current_password": current, "new_password": new });
    Request::post("/v1/password").bearer(bearer).json(&form).send(server).await
}

async fn login_status(server: &TestServer, password: &str) -> u16 {
    let form = json!({ "username": "ada", "password": password });
    Request::post("/v1/login").json(&form).send(server).await.status
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

        assert_eq!(change(&server, text(&mine, member), PASSWORD, NEW).await.status, 204);

        assert_eq!(server.me(text(&mine, member)).await, 200, "{mode}");
        assert_eq!(server.me(text(&others[0], "session_token")).await, 401);
        assert_eq!(server.me(text(&others[1], "access_token")).await, 401);
        assert_eq!(server.me(text(&others[2], "access_token")).await, 401);
        let refresh = json!({ "refresh_token": others[2]["refresh_token"] });
        assert_eq!(Request::post("/v1/refresh").json(&refresh).send(&server).await.status, 401);
        assert_eq!((login_status(&server, PASSWORD).await, login_status(&server, NEW).await), (401, 200));
        if mode == "hybrid" {
            let refresh = json!({ "refresh_token": mine["refresh_token"] });
            assert_eq!(Request::post("/v1/refresh").json(&refresh).send(&server).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_wrong_or_weak_password_changes_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mine = server.login("ada", "session").await;
    let other = server.login("ada", "session").await;
    let bearer = text(&mine, "session_token");

    let wrong = change(&server, bearer, "wrong horse battery", NEW).await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (401, &json!("invalid_credentials")));
    let short = change(&server, bearer, PASSWORD, "short").await;
    assert_eq!((short.status, &short.json()["errors"][0]["field"]), (422, &json!("new_password")));
    assert_eq!(change(&server, bearer, PASSWORD, &"x".repeat(257)).await.status, 422);

    assert_eq!(server.me(text(&other, "session_token")).await, 200);
    assert_eq!(login_status(&server, PASSWORD).await, 200);
}
