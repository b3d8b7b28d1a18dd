//! Graceful shutdown: requests in progress are finished, and idle connections are closed.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use counterfoil::App;
use counterfoil::operator::Command;

use crate::client::{reply, send};
use crate::fixture::{Fixture, TestServer};

/// Even a busy machine closes its listener and ends within this time.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn shutdown_finishes_requests_in_progress_and_accepts_no_new_ones() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;
    let address = server.address;
    let mut in_progress = TcpStream::connect(address).await.unwrap();
    let body = r#"{"username":"ada","password":"correct horse"}"#;
    let head = format!(
        "POST /v1/register HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    in_progress.write_all(head.as_bytes()).await.unwrap();
    // The server has read the first request's headers by now, because they were sent earlier.
    assert_eq!(send(address, "GET /readyz", &[], "").await.status, 200);

    let shutdown = server.begin_shutdown();
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SHUTDOWN_DEADLINE, closed).await.unwrap();
    in_progress.write_all(body.as_bytes()).await.unwrap();

    assert_eq!(reply(&mut in_progress).await.status, 201);
    timeout(SHUTDOWN_DEADLINE, shutdown).await.unwrap().unwrap().unwrap();
    // The store is closed and contains the user whose registration was answered.
    let again = TestServer::start(fixture.settings()).await;
    assert_eq!(send(again.address, "POST /v1/login", &[], body).await.status, 200);
    again.shut_down().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_shutdown() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();

    let started = Instant::now();
    server.shut_down().await;

    assert!(started.elapsed() < Duration::from_secs(8), "shutdown waited for an idle client");
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_at_once_at_a_shutdown() {
    let fixture = Fixture::new();
    let settings = fixture.settings().with(|settings| settings.feed.lease = Duration::from_secs(45));
    let app = App::open(settings).await.unwrap();
    let key = app.administer(Command::VerifierKeyAdd { name: "orders".into() }).await.unwrap();
    let server = TestServer::serve(app).await;
    let bearer = format!("authorization: Bearer {}", key["key"].as_str().unwrap());
    let address = server.address;
    let poll = async |number: u32, position: String| {
        let request = format!("GET /v1/feed?instance=a&poll={number}{position}");
        send(address, &request, &[&bearer], "").await.json()
    };
    let first = poll(1, String::new()).await;
    let position = format!("&after={}&log={}", first["next"], first["log"].as_str().unwrap());

    let started = Instant::now();
    let shutdown = async {
        sleep(Duration::from_millis(200)).await;
        server.shut_down().await;
    };
    let (answer, ()) = tokio::join!(poll(2, position), shutdown);

    assert_eq!((&answer["poll"], &answer["next"]), (&2.into(), &answer["head"]));
    assert!(started.elapsed() < Duration::from_secs(8), "the poll waited for 15 seconds");
}
