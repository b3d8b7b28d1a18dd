//! Request bodies that are never completed: the memory for them is bounded, in total and per client IP.

use std::time::{Duration, Instant};

use counterfoil::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::test_server::{TestServer, post, resident_memory, status};

const MIB: usize = 1 << 20;
/// How many bodies are started.
const BODIES: usize = 800;
/// How many bytes of each body are sent.
const SENT_BYTES: usize = 60 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_bodies_use_no_more_memory_than_the_limit() {
    let request = Duration::from_secs(8);
    let server = TestServer::with_settings(|settings| {
        // A proxy carries the requests of many clients, so the limit per IP does not apply.
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.limits = Limits::default().with(|limits| {
            limits.max_total_body_memory = 4 * MIB;
            limits.request_timeout = request;
        });
    })
    .await;
    server.probe().await;
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 65000\r\n\r\n";
    let incomplete = [head.as_bytes(), &b" ".repeat(SENT_BYTES)].concat();
    let (before, started) = (resident_memory(), Instant::now());

    let mut open = Vec::new();
    for _ in 0..BODIES {
        let mut stream = server.connect().await;
        let _ = stream.write_all(&incomplete).await;
        open.push(stream);
    }
    sleep(Duration::from_millis(500)).await;
    let grown = resident_memory().saturating_sub(before);
    let mut rejected = 0;
    for stream in &mut open {
        let mut start = [0; 12];
        let read = timeout(Duration::from_millis(1), stream.read_exact(&mut start)).await;
        rejected += usize::from(matches!(read, Ok(Ok(_))) && start.ends_with(b"503"));
    }
    println!(
        "{BODIES} incomplete bodies of {SENT_BYTES} bytes: memory grew by {grown} bytes, {rejected} got 503"
    );
    assert!(started.elapsed() < request, "the machine is too slow for this test: bodies timed out during it");
    // Without the limit the bodies alone would use 47 MiB.
    assert!(grown < 24 << 20, "{grown}");
    assert!(rejected > 0, "some requests must get 503");

    drop(open);
    let form = r#"{"username":"ada","password":"correct horse battery"}"#;
    let served = async {
        while status(&server.response(&post("/v1/login", form)).await) != 401 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(15), served).await.unwrap();
}

/// With HTTP/2 streams a few connections can start more bodies than there is memory for.
#[tokio::test(flavor = "multi_thread")]
async fn one_client_ip_cannot_use_all_body_memory() {
    assert_limited_per_ip("x-forwarded-for: 192.0.2.1").await;
}

/// A client that adds its own forwarding header to the proxy's cannot escape the limit of its IP.
#[tokio::test(flavor = "multi_thread")]
async fn contradicting_forwarding_headers_do_not_escape_the_limit_per_ip() {
    assert_limited_per_ip("x-forwarded-for: 192.0.2.1\r\nforwarded: for=198.51.100.1").await;
    assert_limited_per_ip("x-forwarded-for: unknown").await;
}

/// Starts as many bodies as the memory allows with the forwarding header `header`, through a trusted proxy. Asserts that
/// a request with the same header gets 429 and a request from another IP is served.
async fn assert_limited_per_ip(header: &str) {
    let server = TestServer::with_settings(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.limits = Limits::default().with(|limits| {
            limits.max_total_body_memory = 2 * MIB;
            limits.max_connections_per_ip = 2_000;
        });
    })
    .await;
    let incomplete = format!(
        "POST /v1/login HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\
         content-type: application/json\r\ncontent-length: 9\r\n\r\n{{"
    );
    let mut open = Vec::new();
    for _ in 0..2 * MIB / (8 * 1024) {
        let mut stream = server.connect().await;
        let _ = stream.write_all(incomplete.as_bytes()).await;
        open.push(stream);
    }
    let form = r#"{"username":"ada","password":"correct horse battery"}"#;
    let from = |header: &str| {
        let request = String::from_utf8(post("/v1/login", form)).unwrap();
        request.replacen("\r\n", &format!("\r\n{header}\r\n"), 1).into_bytes()
    };

    let same_ip = async {
        while status(&server.response(&from(header)).await) != 429 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(15), same_ip).await.unwrap();
    let other_ip = status(&server.response(&from("x-forwarded-for: 192.0.2.2")).await);
    assert_eq!(other_ip, 401, "another IP is served: {header}");
}
