//! Slow clients are disconnected and do not delay others.

use std::time::{Duration, Instant};

use counterfoil::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::test_server::{TestServer, p99};

/// The 99th percentile of a healthy client's response time must stay below this.
const MAX_P99: Duration = Duration::from_millis(100);
/// Every slow client is disconnected within this time.
const DEADLINE: Duration = Duration::from_secs(30);

/// Sends the start of a request and then single bytes, until the server closes the connection.
async fn send_slowly(mut stream: TcpStream, start: &'static str) {
    if stream.write_all(start.as_bytes()).await.is_err() {
        return;
    }
    let (mut reader, mut writer) = stream.split();
    let writing = async {
        while writer.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let reading = async { while let Ok(1..) = reader.read(&mut [0; 512]).await {} };
    tokio::select! { () = writing => {}, () = reading => {} }
}

/// Requests more than fits into the socket buffers, and reads nothing.
async fn request_without_reading(mut stream: TcpStream) {
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    while stream.write_all(request).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_slow_clients_are_disconnected_and_do_not_delay_others() {
    let short = Duration::from_secs(2);
    let server = TestServer::with_settings(|settings| {
        settings.limits = Limits::default().with(|limits| {
            limits.header_timeout = short;
            limits.request_timeout = short;
        });
    })
    .await;
    let mut slow = JoinSet::new();
    for number in 0..99 {
        let stream = server.connect().await;
        match number % 3 {
            0 => slow.spawn(send_slowly(stream, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ")),
            1 => slow.spawn(send_slowly(
                stream,
                "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-length: 1000\r\nconnection: close\r\n\r\n",
            )),
            _ => slow.spawn(request_without_reading(stream)),
        };
    }

    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < Duration::from_secs(5) {
        times.push(server.probe().await);
        sleep(Duration::from_millis(20)).await;
    }

    let slowest = p99(&mut times);
    println!("{} probes during 99 slow clients; p99 {slowest:?}", times.len());
    assert!(slowest < MAX_P99, "{slowest:?}");
    assert!(timeout(DEADLINE, slow.join_all()).await.is_ok(), "a slow client was not disconnected");
}
