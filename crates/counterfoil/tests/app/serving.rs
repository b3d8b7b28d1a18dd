//! The server under slow, many and large requests, and how it ends.

use std::time::Duration;

use counterfoil::{Limits, Settings};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{reply, send};
use crate::house::{House, Running};

const SHORT: Duration = Duration::from_millis(300);
/// By then even a busy machine has done what was to be done after [`SHORT`].
const LONG: Duration = Duration::from_secs(20);

fn with(house: &House, limits: Limits) -> Settings {
    Settings { limits, ..house.settings() }
}

/// Whether the server closes the connection, not before [`SHORT`] and before [`LONG`].
async fn is_closed_in_time(stream: &mut TcpStream) -> bool {
    let since = Instant::now();
    let mut bytes = Vec::new();
    let closed = timeout(LONG, stream.read_to_end(&mut bytes)).await.is_ok();
    closed && since.elapsed() >= SHORT - Duration::from_millis(20)
}

#[tokio::test]
async fn a_client_that_sends_its_headers_slowly_is_let_go() {
    let house = House::new();
    let server = Running::start(with(&house, Limits { header_timeout: SHORT, ..Limits::default() })).await;
    for begin in ["", "G", "GET /healthz HTTP/1.1\r\nhost: local", "PRI * HTTP/2.0\r\n"] {
        let mut slow = TcpStream::connect(server.at).await.unwrap();
        slow.write_all(begin.as_bytes()).await.unwrap();

        assert!(is_closed_in_time(&mut slow).await, "{begin:?}");
    }
    server.end().await;
}

#[tokio::test]
async fn a_second_request_that_comes_slowly_is_let_go_as_well() {
    let house = House::new();
    let server = Running::start(with(&house, Limits { header_timeout: SHORT, ..Limits::default() })).await;
    let mut slow = TcpStream::connect(server.at).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    slow.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost").await.unwrap();

    assert!(timeout(LONG, slow.read_to_end(&mut Vec::new())).await.is_ok());
    server.end().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_answered_in_time() {
    let house = House::new();
    let server = Running::start(with(&house, Limits { request_timeout: SHORT, ..Limits::default() })).await;
    let mut slow = TcpStream::connect(server.at).await.unwrap();
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();

    let answer = timeout(LONG, reply(&mut slow)).await.unwrap();

    assert_eq!((answer.status, answer.json()["type"].as_str()), (408, Some("/problems/request-timeout")));
    server.end().await;
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let house = House::new();
    let server = Running::start(house.settings()).await;

    let large = format!("x-large: {}", "a".repeat(15 * 1024));
    assert_eq!(send(server.at, "GET /healthz", &[&large], "").await.status, 200);
    let larger = format!("x-large: {}", "a".repeat(17 * 1024));
    assert_eq!(send(server.at, "GET /healthz", &[&larger], "").await.status, 431);
    server.end().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_those_within_are_served() {
    let house = House::new();
    let server = Running::start(with(&house, Limits { max_connections: 2, ..Limits::default() })).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.at).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        held.push(stream);
    }

    let mut beyond = TcpStream::connect(server.at).await.unwrap();
    let _ = beyond.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = timeout(LONG, beyond.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "it was closed");

    drop(held);
    let served = async {
        loop {
            let mut stream = TcpStream::connect(server.at).await.unwrap();
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            if answer.starts_with(b"HTTP/1.1 200") {
                break;
            }
        }
    };
    timeout(LONG, served).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn http_2_is_spoken_to_those_who_know_it() {
    let house = House::new();
    let server = Running::start(house.settings()).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<bytes::Bytes>>();

    let answer = client.get(format!("http://{}/healthz", server.at).parse().unwrap()).await.unwrap();

    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 200));
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn what_was_begun_is_finished_and_nothing_new_is_taken() {
    let house = House::new();
    let server = Running::start(house.settings()).await;
    let at = server.at;
    let mut begun = TcpStream::connect(at).await.unwrap();
    let body = r#"{"username":"ada","password":"correct horse"}"#;
    let head = format!(
        "POST /v1/register HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    begun.write_all(head.as_bytes()).await.unwrap();
    // Its headers are read by now, since they were sent first.
    assert_eq!(send(at, "GET /readyz", &[], "").await.status, 200);

    let ended = server.ask_to_end();
    let closed = async {
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, closed).await.unwrap();
    begun.write_all(body.as_bytes()).await.unwrap();

    assert_eq!(reply(&mut begun).await.status, 201);
    timeout(LONG, ended).await.unwrap().unwrap().unwrap();
    // The store has been let go, and what was answered is in it.
    let again = Running::start(house.settings()).await;
    assert_eq!(send(again.at, "POST /v1/login", &[], body).await.status, 200);
    again.end().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let house = House::new();
    let server = Running::start(house.settings()).await;
    let mut idle = TcpStream::connect(server.at).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();

    let since = Instant::now();
    server.end().await;

    assert!(since.elapsed() < Duration::from_secs(8), "it waited for a client that asks for nothing");
}
