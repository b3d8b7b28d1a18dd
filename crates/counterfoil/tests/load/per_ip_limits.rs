//! The limit of connections per client IP.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use counterfoil::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::test_server::TestServer;

/// The network address of this machine, if it has one. Loopback addresses have no limit per IP.
fn own_address() -> Option<SocketAddr> {
    let probe = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: connecting a UDP socket only selects the local address.
    probe.connect("192.0.2.1:9").ok()?;
    probe.local_addr().ok().filter(|address| !address.ip().is_loopback() && !address.ip().is_unspecified())
}

async fn is_served(stream: &mut TcpStream) -> bool {
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    stream.read_exact(&mut [0; 12]).await.is_ok()
}

/// A connection with a request whose body does not end.
async fn request_in_progress(address: (IpAddr, u16)) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                expect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body, so the request is in progress.
    stream.read_exact(&mut [0; 25]).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited_per_client_ip_except_on_loopback() {
    let Some(own) = own_address() else {
        counterfoil_test_support::skip_not_here(counterfoil_test_support::NotHere::AddressBesideLoopback);
        return;
    };
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _server = TestServer::on_listener(listener, |settings| {
        settings.issuer = "https://auth.example".parse().unwrap();
        settings.limits = Limits::default().with(|limits| limits.max_connections_per_ip = 3);
    })
    .await;

    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(request_in_progress((own.ip(), port)).await);
    }
    let mut excess = TcpStream::connect((own.ip(), port)).await.unwrap();
    assert!(!is_served(&mut excess).await, "an IP may have three connections");
    for _ in 0..5 {
        open.push(request_in_progress(([127, 0, 0, 1].into(), port)).await);
    }
}
