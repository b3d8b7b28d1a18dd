//! Connections without a request take no connection from other clients. That they delay none is a row of `bystanders`.

use std::net::Ipv4Addr;
use std::time::Duration;

use counterfoil::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use crate::http2_connection::{END_HEADERS, END_STREAM, HEADERS, SETTINGS, frame, request_headers};
use crate::test_server::{TestServer, p99};

/// The address from which the silent clients connect.
const SILENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The 99th percentile of another client's connect and response time must stay below this.
const MAX_P99: Duration = Duration::from_millis(250);

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
