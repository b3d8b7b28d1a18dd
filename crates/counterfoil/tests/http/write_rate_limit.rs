//! Rate limits of requests that change something: by session, user and client IP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::administration::Admin;
use crate::client::{Request, Response};
use crate::openapi_contract::{operations, path_of};
use crate::test_server::{PASSWORD, TestServer, text};

fn per_hour(max: u32) -> RateLimit {
    RateLimit { max, window: Duration::from_secs(3600) }
}

async fn bearer(server: &TestServer, name: &str) -> String {
    text(&server.login(name, "session").await, "session_token").to_owned()
}

async fn send(server: &TestServer, method: &str, path: &str, bearer: &str) -> Response {
    Request::new(method, path).bearer(bearer).send(server).await
}

/// The routes without a limit of this kind: a logout changes a session once and a revocation a token, the others have limits of
/// their own.
const LIMITED_OTHERWISE: [&str; 7] = [
    "/v1/login",
    "/v1/register",
    "/v1/logout",
    "/v1/password",
    "/oauth/introspect",
    "/oauth/revoke",
    "/.counterfoil/logout",
];

#[tokio::test]
async fn every_route_that_changes_something_is_refused_above_the_limits() {
    let server = TestServer::with(|settings| {
        let limits = &mut settings.write_rate_limits;
        limits.per_user = per_hour(1);
        limits.refreshes_per_session = per_hour(1);
        limits.session_ends_per_user = per_hour(1);
        limits.single_session_ends_per_user = per_hour(1);
    })
    .await;
    let admin = Admin::new(&server).await;
    let mut refused = BTreeSet::new();
    for (number, (path, method, _)) in operations().into_iter().enumerate() {
        if method == "get" || LIMITED_OTHERWISE.contains(&&*path) {
            continue;
        }
        let name = format!("user{number}");
        server.register(&name).await;
        let login = server.login(&name, "hybrid").await;
        let is_admin = path.starts_with("/v1/admin/") || path == "/v1/revocations";
        let token = if is_admin { admin.bearer.as_str() } else { text(&login, "access_token") };
        let body = match &*path {
            "/v1/refresh" => json!({ "refresh_token": text(&login, "refresh_token") }),
            _ => json!({}),
        };
        let request = Request::new(&method.to_uppercase(), &path_of(&path)).json(&body);
        let request = if path == "/v1/refresh" { request } else { request.bearer(token) };
        request.clone().send(&server).await;

        let response = request.send(&server).await;

        assert_eq!(response.status, 429, "{method} {path}: {response:?}");
        assert!(response.header("retry-after").unwrap().parse::<u64>().unwrap() > 3000);
        refused.insert((path, method));
    }
    assert!(refused.len() >= 13, "{refused:?}");
}

#[tokio::test]
async fn a_session_at_its_limit_delays_no_other_session() {
    let server = TestServer::with(|settings| settings.write_rate_limits.per_session = per_hour(5)).await;
    server.register("ada").await;
    let (busy, other) = (bearer(&server, "ada").await, bearer(&server, "ada").await);

    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(send(&server, "POST", "/v1/token", &busy).await.status);
    }

    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    assert_eq!(send(&server, "POST", "/v1/token", &other).await.status, 200);
    assert_eq!(server.me(&busy).await, 200, "reading is not limited");
    assert_eq!(send(&server, "POST", "/v1/logout", &busy).await.status, 204, "nor is logging out");
    let metrics = server.app.metrics().await;
    assert!(metrics.contains("counterfoil_writes_refused_total{limit=\"per_session\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_thief_cannot_end_the_sessions_of_the_owner_without_end() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let thief = bearer(&server, "ada").await;

    let mut ended = 0;
    let mut owner = String::new();
    for _ in 0..15 {
        owner = bearer(&server, "ada").await;
        let response = send(&server, "DELETE", "/v1/sessions", &thief).await;
        assert!(matches!(response.status, 200 | 429), "{response:?}");
        ended += u32::from(response.status == 200);
    }

    assert_eq!(ended, 12);
    assert_eq!(server.me(&owner).await, 200, "the owner is logged in");
    let change = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let changed = Request::post("/v1/password").json(&change).bearer(&owner).send(&server).await;
    assert!(matches!(changed.status, 200 | 204), "{changed:?}");
    assert_eq!(server.me(&thief).await, 401, "and can end the session of the thief");
}

#[tokio::test]
async fn concurrent_ends_of_sessions_are_no_more_than_the_limit_allows() {
    let server =
        TestServer::with(|settings| settings.write_rate_limits.single_session_ends_per_user = per_hour(3))
            .await;
    server.register("ada").await;
    let thief = bearer(&server, "ada").await;
    let mut requests = Vec::new();
    for _ in 0..12 {
        let login = server.login("ada", "session").await;
        let path = format!("/v1/sessions/{}", text(&login["session"], "id"));
        requests.push(Request::new("DELETE", &path).bearer(&thief));
    }

    let (server, mut ends) = (Arc::new(server), JoinSet::new());
    for request in requests {
        let server = Arc::clone(&server);
        ends.spawn(async move { request.send(&server).await.status });
    }
    let statuses = ends.join_all().await;

    let ended = statuses.iter().filter(|status| **status == 204).count();
    assert_eq!(ended, 3, "{statuses:?}");
}

#[tokio::test]
async fn a_client_that_disconnects_while_it_ends_sessions_is_counted() {
    let server =
        TestServer::with(|settings| settings.write_rate_limits.session_ends_per_user = per_hour(1)).await;
    server.register("ada").await;
    let (thief, owner) = (bearer(&server, "ada").await, bearer(&server, "ada").await);

    let request = Request::new("DELETE", "/v1/sessions").bearer(&thief);
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    connection.write_all(&request.bytes()).await.unwrap();
    drop(connection);
    while server.me(&owner).await == 200 {}

    let owner = bearer(&server, "ada").await;
    assert_eq!(request.send(&server).await.status, 429);
    assert_eq!(server.me(&owner).await, 200);
}

#[tokio::test]
async fn a_forged_refresh_token_does_not_use_up_the_limit_of_its_session() {
    let server =
        TestServer::with(|settings| settings.write_rate_limits.refreshes_per_session = per_hour(3)).await;
    server.register("ada").await;
    let token = text(&server.login("ada", "hybrid").await, "refresh_token").to_owned();
    let last = if token.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &token[..token.len() - 1]);

    for _ in 0..10 {
        let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": forged }));
        assert_eq!(request.send(&server).await.status, 401);
    }

    let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": token }));
    assert_eq!(request.send(&server).await.status, 200);
}

#[tokio::test]
async fn an_application_does_not_meet_the_default_limits() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let bearer = bearer(&server, "ada").await;

    for number in 0..200 {
        let patch = Request::new("PATCH", "/v1/session/data").json(&json!({ "n": number })).bearer(&bearer);
        assert_eq!(patch.send(&server).await.status, 200);
        assert_eq!(send(&server, "POST", "/v1/token", &bearer).await.status, 200);
    }
}
