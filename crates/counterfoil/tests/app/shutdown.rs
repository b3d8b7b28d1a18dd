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

/// Sends a request on a connection that is kept open, and returns the head of the response.
async fn request_on(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"}") {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        response.push(byte[0]);
    }
    String::from_utf8(response).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn in_the_shutdown_delay_a_server_answers_and_says_that_it_closes() {
    let fixture = Fixture::new();
    let settings = fixture.settings().with(|settings| settings.shutdown_delay = Duration::from_secs(2));
    let server = TestServer::start(settings).await;
    let address = server.address;
    let mut kept = TcpStream::connect(address).await.unwrap();
    let mut unused = TcpStream::connect(address).await.unwrap();
    assert!(!request_on(&mut kept, "/healthz").await.contains("connection: close"));
    assert!(!request_on(&mut unused, "/healthz").await.contains("connection: close"));

    let (began_at, shutdown) = (Instant::now(), server.begin_shutdown());
    // A connection that is open stays open until its next response.
    let head = loop {
        let head = request_on(&mut kept, "/readyz").await;
        if head.contains(" 503 ") {
            break head;
        }
        assert!(began_at.elapsed() < SHUTDOWN_DEADLINE, "{head}");
    };
    assert!(head.contains("connection: close") && head.contains("closing"), "{head}");
    assert_eq!(kept.read(&mut [0]).await.unwrap(), 0, "the server closes it");
    // A new one is accepted, and served once.
    let mut new = TcpStream::connect(address).await.unwrap();
    let head = request_on(&mut new, "/healthz").await;
    assert!(head.contains(" 200 ") && head.contains("connection: close"), "{head}");

    timeout(SHUTDOWN_DEADLINE, shutdown).await.unwrap().unwrap().unwrap();
    assert!(began_at.elapsed() >= Duration::from_secs(2), "{:?}", began_at.elapsed());
    assert_eq!(unused.read(&mut [0]).await.unwrap(), 0, "an idle connection is closed at the end");
}

#[tokio::test]
async fn the_shutdown_delay_can_be_ended_early() {
    let fixture = Fixture::new();
    let settings = fixture.settings().with(|settings| settings.shutdown_delay = Duration::from_secs(600));
    let app = App::open(settings).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (clone, address) = (app.clone(), listener.local_addr().unwrap());
    let serving = tokio::spawn(app.serve(listener, std::future::ready(())));
    let closing = async {
        while send(address, "GET /readyz", &[], "").await.status != 503 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SHUTDOWN_DEADLINE, closing).await.unwrap();
    assert!(!serving.is_finished());

    clone.skip_shutdown_delay();

    timeout(SHUTDOWN_DEADLINE, serving).await.unwrap().unwrap().unwrap();
}

/// A proxy connects and sends a POST. If the connection is reset meanwhile, the proxy must not send the POST again.
#[tokio::test]
async fn a_connection_that_was_opened_before_the_listener_closed_is_served() {
    let fixture = Fixture::new();
    let server = TestServer::start(fixture.settings()).await;
    let address = server.address;
    // More than the loop accepts before it looks at the signal.
    let mut opened = Vec::new();
    for _ in 0..50 {
        opened.push(TcpStream::connect(address).await.unwrap());
    }
    let shutdown = server.begin_shutdown();
    for _ in 0..50 {
        if let Ok(stream) = TcpStream::connect(address).await {
            opened.push(stream);
        }
    }

    let count = opened.len();
    for (number, stream) in opened.iter_mut().enumerate() {
        let head = request_on(stream, "/healthz").await;
        assert!(head.contains(" 200 "), "{number} of {count}: {head}");
    }
    timeout(SHUTDOWN_DEADLINE, shutdown).await.unwrap().unwrap().unwrap();
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
