//! While one source logs in rightly as fast as it can, another source logs in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use counterfoil_core::credentials::password::Argon2Cost;
use tokio::task::JoinSet;

use crate::test_server::{TestServer, response, status};

const PASSWORD: &str = "correct horse battery";

/// A server with the default limits, behind a trusted proxy.
async fn server() -> TestServer {
    TestServer::with_settings(|settings| {
        settings.argon2 = Argon2Cost { memory_kib: 4096, iterations: 1, parallelism: 1 };
        settings.password_hashing_threads = 2;
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

/// A POST request of this client IP.
fn post_from(ip: &str, path: &str, username: &str, password: &str) -> Vec<u8> {
    let body = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
    let head = format!(
        "host: localhost\r\nconnection: close\r\nx-forwarded-for: {ip}\r\ncontent-type: application/json"
    );
    format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Sends `requests` in a loop on each of `connections` connections until the returned flag is set.
fn flood(
    server: &TestServer,
    connections: usize,
    request: impl Fn(usize) -> Vec<u8>,
) -> (Arc<AtomicBool>, JoinSet<Vec<u16>>) {
    let (stop, mut flood) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for number in 0..connections {
        let (address, request, stop) = (server.address, request(number), Arc::clone(&stop));
        flood.spawn(async move {
            let mut statuses = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                statuses.push(status(&response(address, &request).await));
            }
            statuses
        });
    }
    (stop, flood)
}

/// Logs another user in from another source: no login is rejected. `bystanders` measures how long they take.
async fn bystander(server: &TestServer) {
    for _ in 0..8 {
        let login = post_from("198.51.100.1", "/v1/login", "bystander", PASSWORD);
        assert_eq!(status(&server.response(&login).await), 200);
    }
}

async fn register(server: &TestServer, name: &str) {
    let request = post_from("198.51.100.1", "/v1/register", name, PASSWORD);
    assert_eq!(status(&server.response(&request).await), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_logins_on_a_hundred_connections_leave_room_for_others() {
    let server = server().await;
    register(&server, "busy").await;
    register(&server, "bystander").await;
    let (stop, mut flood) = flood(&server, 100, |_| post_from("192.0.2.1", "/v1/login", "busy", PASSWORD));
    tokio::time::sleep(Duration::from_millis(200)).await;

    bystander(&server).await;

    stop.store(true, Ordering::Relaxed);
    let mut statuses = Vec::new();
    while let Some(of_connection) = flood.join_next().await {
        statuses.extend(of_connection.unwrap());
    }
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&429), "beyond its share the source is rejected");
}
