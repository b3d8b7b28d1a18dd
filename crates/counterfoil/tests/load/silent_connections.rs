//! Connections without a request delay no other client, and take no connection from one.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use crate::http2_connection::{END_HEADERS, END_STREAM, HEADERS, SETTINGS, frame, request_headers};
use crate::test_server::{TestServer, p99};

/// The address from which the silent clients connect.
const SILENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How many connections each of them keeps open.
const KEPT_OPEN: usize = 60;
/// The 99th percentile of another client's connect and response time must stay below this.
const MAX_P99: Duration = Duration::from_millis(250);
const ATTACK: Duration = Duration::from_secs(1);

/// Connects from [`SILENT`] as fast as it can, sends `start` on each connection and nothing else. Returns how often it
/// connected.
fn connect_without_end(server: &TestServer, start: Vec<u8>) -> impl FnOnce() -> usize + use<> {
    let (address, stop, connects) =
        (server.address, Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let (stopping, connecting) = (Arc::clone(&stop), Arc::clone(&connects));
    let client = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut open = std::collections::VecDeque::new();
            while !stopping.load(Ordering::Relaxed) {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((SILENT, 0).into()).unwrap();
                let Ok(mut stream) = socket.connect(address).await else { continue };
                let _ = stream.write_all(&start).await;
                open.push_back(stream);
                if open.len() > KEPT_OPEN {
                    open.pop_front();
                }
                connecting.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    move || {
        stop.store(true, Ordering::Relaxed);
        client.join().unwrap();
        connects.load(Ordering::Relaxed)
    }
}

/// The p99 of a probe from another address, while silent clients connect.
async fn assert_others_are_served(server: &TestServer, start: Vec<u8>, name: &str) {
    let stop = connect_without_end(server, start);
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < ATTACK {
        times.push(server.probe().await);
    }
    let connects = stop();
    let slowest = p99(&mut times);
    println!("{name}: {connects} connects; {} probes, p99 {slowest:?}", times.len());
    assert!(connects > 100, "{name}: the attack must be an attack: {connects}");
    assert!(slowest < MAX_P99, "{name}: {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_request_do_not_delay_others() {
    let server = TestServer::with_settings(|_| {}).await;
    let http2 = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat();

    assert_others_are_served(&server, Vec::new(), "silent").await;
    assert_others_are_served(
        &server,
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n".to_vec(),
        "half a header",
    )
    .await;
    assert_others_are_served(&server, http2, "HTTP/2 without a request").await;
}

/// Opens more connections than the server may have, with `start` on each, and keeps them open. Asserts that others are
/// served meanwhile.
async fn assert_limit_keeps_no_others_out(start: &[u8], max_pending_connections_per_ip: usize) {
    let server = TestServer::with_settings(|settings| {
        settings.limits = Limits::default().with(|limits| {
            limits.max_connections = 50;
            limits.max_pending_connections_per_ip = max_pending_connections_per_ip;
        });
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..100 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((SILENT, 0).into()).unwrap();
        let mut stream = socket.connect(server.address).await.unwrap();
        let _ = stream.write_all(start).await;
        open.push(stream);
    }

    let mut times = Vec::new();
    for _ in 0..20 {
        times.push(server.probe().await);
    }
    assert!(p99(&mut times) < MAX_P99, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ip_on_loopback_cannot_use_all_connections() {
    let http2_request = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &frame(SETTINGS, 0, 0, &[]),
        &frame(HEADERS, END_STREAM | END_HEADERS, 1, &request_headers("GET", "/healthz")),
    ]
    .concat();
    let incomplete_body = b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                            content-length: 9\r\n\r\n{";

    assert_limit_keeps_no_others_out(b"", 10).await;
    assert_limit_keeps_no_others_out(b"", 1_000).await;
    assert_limit_keeps_no_others_out(&http2_request, 10).await;
    assert_limit_keeps_no_others_out(incomplete_body, 10).await;
}
