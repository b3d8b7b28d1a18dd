//! What a developer sends first: `curl` with a cookie jar.

use serde_json::json;

use crate::curl::Jar;
use crate::test_server::{PASSWORD, TestServer};

const SESSION: &str = "counterfoil-session";

fn login_form() -> String {
    json!({ "username": "ada", "password": PASSWORD, "transport": "cookie" }).to_string()
}

/// A server whose issuer has this host, on its own port.
async fn server_at(host: &'static str) -> TestServer {
    let server = TestServer::with(|settings| {
        let port = settings.issuer.as_str().rsplit_once(':').unwrap().1.to_owned();
        settings.issuer = format!("http://{host}:{port}").parse().unwrap();
    })
    .await;
    server.register("ada").await;
    server
}

async fn log_in(jar: &Jar, server: &TestServer) -> u16 {
    let (form, origin) = (login_form(), format!("Origin: {}", server.origin));
    jar.send(server, &["--json", &form, "--header", &origin], "/v1/login").await.0
}

#[tokio::test]
async fn a_write_with_a_jar_is_told_which_header_is_missing_and_works_with_it() {
    let Some(jar) = Jar::new() else { return };
    let server = server_at("127.0.0.1").await;
    let form = login_form();

    let first = jar.send(&server, &["--json", &form], "/v1/login").await;
    let (status, refused) = jar.send(&server, &["--json", &form], "/v1/login").await;

    assert_eq!((first.0, status), (200, 403));
    assert!(refused.contains(&format!("curl: -H 'Origin: {}'", server.origin)), "{refused}");
    assert!(!refused.contains("comes from another site"), "{refused}");
    // A login replaces the login.
    assert_eq!(log_in(&jar, &server).await, 200);
    assert_eq!(jar.send(&server, &[], "/v1/me").await.0, 200);
    let (_, sessions) = jar.send(&server, &[], "/v1/sessions").await;
    assert_eq!(sessions.matches("\"id\"").count(), 1, "{sessions}");
    let origin = format!("Origin: {}", server.origin);
    assert_eq!(jar.send(&server, &["-X", "POST", "-H", &origin], "/v1/logout").await.0, 204);
    assert_eq!(jar.send(&server, &[], "/v1/me").await.0, 401);
}

#[tokio::test]
async fn a_second_cookie_at_another_path_or_domain_locks_no_client_out() {
    for host in ["127.0.0.1", "localhost"] {
        let Some(jar) = Jar::new() else { return };
        let server = server_at(host).await;
        assert_eq!(log_in(&jar, &server).await, 200);
        for (domain, path) in [
            (host.to_owned(), "/v1"),
            (host.to_owned(), "/v1/me"),
            (host.to_owned(), "/v1/"),
            (format!(".{host}"), "/"),
        ] {
            // curl takes no domain that is an IP address.
            if domain == ".127.0.0.1" {
                continue;
            }
            jar.plant(&domain, path, SESSION, "cfs_of_another_time");
            assert_eq!(jar.count(SESSION), 2, "{domain} {path}");

            let (refused, body) = jar.send(&server, &[], "/v1/me").await;

            assert_eq!(refused, 400, "{domain} {path}: {body}");
            assert!(body.contains("ambiguous_credential"), "{body}");
            assert_eq!(jar.count(SESSION), 1, "{domain} {path}");
            assert_eq!(jar.send(&server, &[], "/v1/me").await.0, 200, "the live cookie stays");
        }
    }
}

#[tokio::test]
async fn two_cookies_that_are_both_dead_are_both_cleared_and_a_login_works() {
    let Some(jar) = Jar::new() else { return };
    let server = server_at("localhost").await;
    jar.plant("localhost", "/", SESSION, "cfs_one");
    jar.plant("localhost", "/v1", SESSION, "cfs_other");

    assert_eq!(log_in(&jar, &server).await, 400);

    assert_eq!(jar.count(SESSION), 0);
    assert_eq!(log_in(&jar, &server).await, 200);
}
