//! One source, and the connections that it may have.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use counterfoil::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::site::Site;

/// The address of this machine in its network, if it is in one: loopback is nobody's source.
fn own_address() -> Option<SocketAddr> {
    let probe = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent by this: it asks the system which way it would send.
    probe.connect("192.0.2.1:9").ok()?;
    probe.local_addr().ok().filter(|address| !address.ip().is_loopback() && !address.ip().is_unspecified())
}

async fn is_served(stream: &mut TcpStream) -> bool {
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    stream.read_exact(&mut [0; 12]).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_has_its_part_of_the_connections_and_this_machine_all_of_them() {
    let Some(own) = own_address() else {
        counterfoil_test_support::skip_not_here(counterfoil_test_support::NotHere::AddressBesideLoopback);
        return;
    };
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _site = Site::on(listener, |settings| {
        settings.issuer = "https://auth.example".parse().unwrap();
        settings.limits = Limits { max_connections_per_ip: 3, ..Limits::default() };
    })
    .await;

    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect((own.ip(), port)).await.unwrap();
        assert!(is_served(&mut stream).await);
        held.push(stream);
    }
    let mut beyond = TcpStream::connect((own.ip(), port)).await.unwrap();
    assert!(!is_served(&mut beyond).await, "a source has three");
    for _ in 0..5 {
        let mut local = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert!(is_served(&mut local).await);
        held.push(local);
    }
}
