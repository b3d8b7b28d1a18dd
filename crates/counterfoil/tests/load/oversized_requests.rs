//! Oversized bodies, headers and request lines are rejected without using memory.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::test_server::{TestServer, resident_memory, status};

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_gigabyte_is_rejected_without_buffering() {
    let server = TestServer::with_settings(|_| {}).await;
    server.probe().await;
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    let (before, started) = (resident_memory(), Instant::now());

    for framing in ["content-length: 1073741824", "transfer-encoding: chunked"] {
        let mut stream = server.connect().await;
        stream.write_all(format!("{head}{framing}\r\n\r\n").as_bytes()).await.unwrap();
        for _ in 0..1024 {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        let mut bytes = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut bytes).await {}
        let response = String::from_utf8_lossy(&bytes);
        // The response can be lost when the server resets a connection that the client still writes to.
        assert!([413, 0].contains(&status(&response)), "{framing}: {response}");
    }

    let grown = resident_memory().saturating_sub(before);
    println!("two gigabytes in {:?}; memory grew by {grown} bytes", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(grown < 10 * MIB, "{grown}");
    server.probe().await;
}

#[tokio::test]
async fn oversized_headers_and_request_lines_are_rejected_without_buffering() {
    let server = TestServer::with_settings(|_| {}).await;
    server.probe().await;
    let before = resident_memory();

    for size in [20 << 10, 64 << 10, 1 << 20, 10 << 20] {
        let long = "a".repeat(size);
        for request in [
            format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-large: {long}\r\n\r\n"),
            format!("GET /healthz?{long} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
            format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(size / 6)),
        ] {
            let response = server.response(request.as_bytes()).await;
            assert!([431, 414, 0].contains(&status(&response)), "{size}: {response}");
        }
    }
    let grown = resident_memory().saturating_sub(before);
    // This includes the memory of the test's own requests.
    assert!(grown < 64 * MIB, "{grown}");
    server.probe().await;
}
