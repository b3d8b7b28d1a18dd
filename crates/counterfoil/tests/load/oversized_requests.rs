//! Requests that are larger than anybody needs.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::test_server::{Site, resident, status};

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_refused_at_once_and_not_kept() {
    let site = Site::with(|_| {}).await;
    site.probe().await;
    let head = "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    let (before, since) = (resident(), Instant::now());

    for framing in ["content-length: 1073741824", "transfer-encoding: chunked"] {
        let mut stream = site.connect().await;
        stream.write_all(format!("{head}{framing}\r\n\r\n").as_bytes()).await.unwrap();
        for _ in 0..1024 {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut answer).await {}
        let answer = String::from_utf8_lossy(&answer);
        // The answer may be lost in the reset of a connection that is still being written to.
        assert!([413, 0].contains(&status(&answer)), "{framing}: {answer}");
    }

    let grown = resident().saturating_sub(before);
    println!("{:?} for two gigabytes; {grown} bytes more", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(20));
    assert!(grown < 10 * MIB, "{grown}");
    site.probe().await;
}

#[tokio::test]
async fn large_heads_are_refused_and_not_kept() {
    let site = Site::with(|_| {}).await;
    site.probe().await;
    let before = resident();

    for size in [20 << 10, 64 << 10, 1 << 20, 10 << 20] {
        let long = "a".repeat(size);
        for request in [
            format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: {long}\r\n\r\n"),
            format!("GET /healthz?{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
            format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(size / 6)),
        ] {
            let answer = site.answer(request.as_bytes()).await;
            assert!([431, 414, 0].contains(&status(&answer)), "{size}: {answer}");
        }
    }
    let grown = resident().saturating_sub(before);
    // What this test itself has written is among it.
    assert!(grown < 64 * MIB, "{grown}");
    site.probe().await;
}
