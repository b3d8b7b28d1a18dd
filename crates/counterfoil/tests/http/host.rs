//! The host of a request: missing, repeated, malformed, and not loopback.

use crate::client::{Request, Response, exchange};
use crate::test_server::TestServer;

async fn get(server: &TestServer, path: &str, version: &str, hosts: &[&str]) -> Response {
    let lines: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
    let request = format!("GET {path} HTTP/{version}\r\n{lines}Connection: close\r\n\r\n");
    exchange(server, request.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn a_request_without_or_with_two_hosts_is_refused() {
    let server = TestServer::secure().await;
    for path in ["/healthz", "/v1/me", "/.well-known/jwks.json", "/no/such/path"] {
        for hosts in [
            &[][..],
            &["a.example", "b.example"],
            &["auth.example", "auth.example"],
            &["a b/c"],
            &[""],
            &["a,b"],
        ] {
            let response = get(&server, path, "1.1", hosts).await;
            assert_eq!(
                (response.status, response.problem().as_str()),
                (400, "invalid_host"),
                "{path} {hosts:?}"
            );
            assert_eq!(response.header("cache-control"), Some("no-store"));
        }
    }
    for (version, hosts) in
        [("1.1", &["auth.example"][..]), ("1.1", &["auth.example:443"]), ("1.1", &["10.0.0.1"]), ("1.0", &[])]
    {
        assert_eq!(get(&server, "/healthz", version, hosts).await.status, 200, "{version} {hosts:?}");
    }
}

#[tokio::test]
async fn an_issuer_on_loopback_answers_only_requests_to_loopback() {
    let server = TestServer::open().await;
    for host in ["attacker.example", "attacker.example:80", "127.0.0.1.attacker.example", "192.0.2.7"] {
        for path in ["/v1/me", "/.well-known/jwks.json", "/openapi.json", "/no/such/path"] {
            let response = get(&server, path, "1.1", &[host]).await;
            assert_eq!(
                (response.status, response.problem().as_str()),
                (421, "misdirected_request"),
                "{host} {path}"
            );
        }
        for probe in ["/healthz", "/readyz"] {
            assert_eq!(get(&server, probe, "1.1", &[host]).await.status, 200, "{host} {probe}");
        }
        let target = format!("http://{host}/v1/me");
        assert_eq!(get(&server, &target, "1.1", &["localhost"]).await.status, 421, "{target}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:3000", "LOCALHOST"] {
        assert_eq!(get(&server, "/openapi.json", "1.1", &[host]).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_refused_login_is_not_read() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = Request::post("/v1/login").json(&serde_json::json!({ "username": "ada", "password": "x" }));
    let text = String::from_utf8(login.bytes()).unwrap().replace("host: localhost", "host: attacker.example");

    assert_eq!(exchange(&server, text.as_bytes()).await.unwrap().status, 421);
}
