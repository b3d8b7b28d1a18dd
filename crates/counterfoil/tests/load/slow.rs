//! Clients that take their time.

use std::time::{Duration, Instant};

use counterfoil::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::site::{Site, p99};

/// How long a healthy client waits at most, but once in a hundred times.
const HEALTHY: Duration = Duration::from_millis(100);
/// By then everything slow has been let go.
const LONG: Duration = Duration::from_secs(30);

/// Sends a beginning, and then a byte now and then, until the server has had enough.
async fn drip(mut stream: TcpStream, begin: &'static str) {
    if stream.write_all(begin.as_bytes()).await.is_err() {
        return;
    }
    let (mut reader, mut writer) = stream.split();
    let dripping = async {
        while writer.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let reading = async { while let Ok(1..) = reader.read(&mut [0; 512]).await {} };
    tokio::select! { () = dripping => {}, () = reading => {} }
}

/// Asks for more than fits into the buffers of the system, and reads nothing.
async fn ask_and_not_read(mut stream: TcpStream) {
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
    while stream.write_all(request).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_slow_clients_are_let_go_and_do_not_hold_up_a_healthy_one() {
    let short = Duration::from_secs(2);
    let site = Site::with(|settings| {
        settings.limits = Limits { header_timeout: short, request_timeout: short, ..Limits::default() };
    })
    .await;
    let mut slow = JoinSet::new();
    for number in 0..99 {
        let stream = site.connect().await;
        match number % 3 {
            0 => slow.spawn(drip(stream, "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ")),
            1 => slow.spawn(drip(
                stream,
                "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 content-length: 1000\r\nconnection: close\r\n\r\n",
            )),
            _ => slow.spawn(ask_and_not_read(stream)),
        };
    }

    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_secs(5) {
        times.push(site.probe().await);
        sleep(Duration::from_millis(20)).await;
    }

    let slowest = p99(&mut times);
    println!("{} probes beside 99 slow clients; p99 {slowest:?}", times.len());
    assert!(slowest < HEALTHY, "{slowest:?}");
    assert!(timeout(LONG, slow.join_all()).await.is_ok(), "somebody slow was never let go");
}
