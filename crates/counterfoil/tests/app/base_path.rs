//! Routes below a base path: requests, metadata, problem types, cookies, metrics, the request log and links.

use counterfoil::{App, CookieOptions};
use counterfoil_test_support::CapturedLogs;
use tracing::{Dispatch, Level};

use crate::client::send;
use crate::fixture::{Fixture, TestServer};

const ADA: &str = r#"{"username":"ada","password":"correct horse","transport":"cookie"}"#;

async fn server(fixture: &Fixture, issuer: &str) -> (App, TestServer) {
    let settings = fixture.settings().with(|settings| {
        settings.issuer = issuer.parse().unwrap();
        settings.base_path = "/auth".parse().unwrap();
        settings.cookies = CookieOptions::new().name("sid");
    });
    let app = App::open(settings).await.unwrap();
    (app.clone(), TestServer::serve_below(app, "/auth").await)
}

#[tokio::test]
async fn all_routes_are_below_the_base_path() {
    let fixture = Fixture::new();
    let (_, server) = server(&fixture, "http://localhost:3000").await;
    let to = server.address;
    let user = r#"{"username":"ada","password":"correct horse"}"#;

    assert_eq!(send(to, "POST /auth/v1/register", &[], user).await.status, 201);
    let login = send(to, "POST /auth/v1/login", &[], ADA).await;
    let cookie = format!("cookie: {}", login.cookie("sid="));
    let me = send(to, "GET /auth/v1/me", &[&cookie], "").await;
    let session = me.json()["session"]["id"].as_str().unwrap().to_owned();
    let origin = "origin: http://localhost:3000";
    let ended = send(to, &format!("DELETE /auth/v1/sessions/{session}"), &[&cookie, origin], "").await;

    assert_eq!((login.status, me.status, ended.status), (200, 200, 204));
    assert_eq!(send(to, "GET /auth/v1/me", &[&cookie], "").await.status, 401);
    assert_eq!(send(to, "POST /v1/login", &[], ADA).await.status, 404);
    server.shut_down().await;
}

#[tokio::test]
async fn metadata_and_problems_have_the_base_path() {
    let fixture = Fixture::new();
    let (_, server) = server(&fixture, "http://localhost:3000").await;
    let to = server.address;

    let metadata = send(to, "GET /.well-known/oauth-authorization-server", &[], "").await.json();
    assert_eq!(metadata["issuer"], "http://localhost:3000");
    assert_eq!(metadata["jwks_uri"], "http://localhost:3000/auth/.well-known/jwks.json");
    assert_eq!(send(to, "GET /auth/.well-known/jwks.json", &[], "").await.status, 200);
    let problem = send(to, "GET /auth/v1/me", &[], "").await.json();
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.starts_with("http://localhost:3000/auth/"), "{kind}");
    server.shut_down().await;
}

/// RFC 8414, section 3.1: the path of the issuer comes after the well-known path.
#[tokio::test]
async fn metadata_of_an_issuer_with_a_path_is_at_the_root() {
    let fixture = Fixture::new();
    let (_, server) = server(&fixture, "http://localhost:3000/auth").await;

    let metadata = send(server.address, "GET /.well-known/oauth-authorization-server/auth", &[], "").await;

    assert_eq!(metadata.json()["issuer"], "http://localhost:3000/auth");
    assert_eq!(metadata.json()["jwks_uri"], "http://localhost:3000/auth/.well-known/jwks.json");
    server.shut_down().await;
}

#[tokio::test]
async fn metrics_the_request_log_and_links_have_the_base_path() {
    let fixture = Fixture::new();
    let (logs, _guard) = CapturedLogs::capture(Level::INFO);
    // With one subscriber, a thread without any decides for all threads whether an event is recorded.
    let _second = Dispatch::new(logs.clone());
    let (app, server) = server(&fixture, "http://localhost:3000").await;
    let to = server.address;

    assert_eq!(send(to, "GET /auth/v1/me", &[], "").await.status, 401);
    let page = send(to, "GET /auth/login", &["accept: text/html"], "").await;

    assert!(logs.text().contains(" route=/auth/v1/me status=401 "), "{}", logs.text());
    let metrics = app.metrics().await;
    assert!(metrics.contains("route=\"/auth/v1/me\""), "{metrics}");
    assert!(!metrics.contains("route=\"/v1/"), "{metrics}");
    assert_eq!(page.status, 200, "{page:?}");
    let html = page.body.replace("&#x2f;", "/");
    let links = ["href=\"", "action=\"", "src=\""].map(|start| html.split(start).skip(1));
    let links: Vec<&str> = links.into_iter().flatten().collect();
    assert!(links.len() > 3, "{page:?}");
    for link in links {
        assert!(link.starts_with("/auth/") || link.starts_with('#'), "{link}");
    }
    server.shut_down().await;
}
