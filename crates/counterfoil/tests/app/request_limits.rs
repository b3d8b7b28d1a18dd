//! Timeouts for slow requests, the header size limit, the connection limit, and HTTP/2.

use std::time::Duration;

use counterfoil::{Limits, Settings};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{reply, send};
use crate::fixture::{Fixture, TestServer};

const TIMEOUT: Duration = Duration::from_millis(300);
/// Even a busy machine acts on [`TIMEOUT`] within this time.
const DEADLINE: Duration = Duration::from_secs(20);

fn settings_with(fixture: &Fixture, limits: Limits) -> Settings {
    fixture.settings().with(|settings| settings.limits = limits)
}

/// Whether the server closes the connection after [`TIMEOUT`] and before [`DEADLINE`].
async fn closes_in_time(stream: &mut TcpStream) -> bool {
    let started = Instant::now();
    let mut bytes = Vec::new();
    let closed = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.is_ok();
    closed && started.elapsed() >= TIMEOUT - Duration::from_millis(20)
}

#[tokio::test]
async fn a_connection_with_slow_headers_is_closed() {
    let fixture = Fixture::new();
    let server = TestServer::start(settings_with(
        &fixture,
        Limits::default().with(|limits| limits.header_timeout = TIMEOUT),
    ))
    .await;
    for start in ["", "G", "GET /healthz HTTP/1.1\r\nhost: local", "PRI * HTTP/2.0\r\n"] {
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        slow.write_all(start.as_bytes()).await.unwrap();

        assert!(closes_in_time(&mut slow).await, "{start:?}");
    }
    server.shut_down().await;
}

#[tokio::test]
async fn a_slow_second_request_on_a_connection_is_closed_too() {
    let fixture = Fixture::new();
    let server = TestServer::start(settings_with(
        &fixture,
        Limits::default().with(|limits| limits.header_timeout = TIMEOUT),
    ))
    .await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    slow.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost").await.unwrap();

    assert!(timeout(DEADLINE, slow.read_to_end(&mut Vec::new())).await.is_ok());
    server.shut_down().await;
}

#[tokio::test]
async fn a_body_that_never_arrives_gets_408() {
    let fixture = Fixture::new();
    let server = TestServer::start(settings_with(
        &fixture,
        Limits::default().with(|limits| limits.request_timeout = TIMEOUT),
    ))
    .await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();

    let answer = timeout(DEADLINE, reply(&mut slow)).await.unwrap();

    assert_eq!((answer.status, answer.json()["code"].as_str()), (408, Some("request_timeout")));
    server.shut_down().await;
}

#[tokio::test]
async fn headers_above_the_size_limit_get_431() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;

    let large = format!("x-large: {}", "a".repeat(15 * 1024));
    assert_eq!(send(server.address, "GET /healthz", &[&large], "").await.status, 200);
    let larger = format!("x-large: {}", "a".repeat(17 * 1024));
    assert_eq!(send(server.address, "GET /healthz", &[&larger], "").await.status, 431);
    server.shut_down().await;
}

/// A connection with a request whose body does not end.
async fn request_in_progress(server: &TestServer) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                expect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body, so the request is in progress.
    stream.read_exact(&mut [0; 25]).await.unwrap();
    stream
}

#[tokio::test]
async fn connections_above_the_limit_are_closed_until_others_end() {
    let fixture = Fixture::new();
    let server = TestServer::start(settings_with(
        &fixture,
        Limits::default().with(|limits| limits.max_connections = 2),
    ))
    .await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(request_in_progress(&server).await);
    }

    let mut excess = TcpStream::connect(server.address).await.unwrap();
    let _ = excess.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, excess.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "the connection must be closed");

    drop(open);
    let served = async {
        loop {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let _ = stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                .await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            if answer.starts_with(b"HTTP/1.1 200") {
                break;
            }
        }
    };
    timeout(DEADLINE, served).await.unwrap();
    server.shut_down().await;
}

#[tokio::test]
async fn http_2_is_supported() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<bytes::Bytes>>();

    let answer = client.get(format!("http://{}/healthz", server.address).parse().unwrap()).await.unwrap();

    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 200));
    drop(client);
    server.shut_down().await;
}

/// One client could otherwise hold a connection of the application with a body that never ends.
#[tokio::test]
async fn the_routes_of_an_application_have_the_limits_too() {
    let router = axum::Router::new().route("/", axum::routing::post(async |body: String| body));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits::default().with(|limits| {
        limits.request_timeout = TIMEOUT;
        limits.max_body_size = 8;
    });
    tokio::spawn(counterfoil::serve(router, listener, limits, std::future::pending()));

    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\nab")
        .await
        .unwrap();
    let answer = timeout(DEADLINE, reply(&mut slow)).await.unwrap();

    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(send(address, "POST /", &[], "12345678").await.status, 200);
    assert_eq!(send(address, "POST /", &[], "123456789").await.status, 413);
}
