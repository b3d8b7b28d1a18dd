//! TLS: the certificate of the server is verified.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use counterfoil_test_support::{CertificateAuthority, free_port};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Node, TestClock, key, server, store};

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_is_used_only_with_a_certificate_for_its_name_that_is_trusted() {
    let (authority, port) = (CertificateAuthority::new(), free_port());
    let Some(_redis) = server(&authority.redis_config("localhost", port)) else { return };
    let (port, attempts) = count_connections(port).await;
    let url = |host: &str, file: &Path| format!("rediss://{host}:{port}?ca_file={}", file.display());
    let (store, clock) = (store().await, TestClock::new());
    let node = Node::connected(&store, &url("localhost", &authority.file()), &clock).await;
    let token = node.log_in().await;
    node.clock.pass(Duration::from_secs(6));
    node.until_cached(&token).await;

    let other = CertificateAuthority::new();
    let untrusted = [
        // No authority of the operating system has signed it.
        format!("rediss://localhost:{port}"),
        url("localhost", &other.file()),
        // It is for another name.
        url("127.0.0.1", &authority.file()),
    ];
    for url in untrusted {
        let node = Node::start(&store, &url, &clock, key());
        let before = attempts.load(Ordering::SeqCst);
        node.until("it tries a second time", || attempts.load(Ordering::SeqCst) >= before + 2).await;
        node.authenticate(&token).await.unwrap();
        assert!(!node.metrics().is_connected() && node.hits() == 0, "{url}");
    }
}

/// Forwards connections to a port of this machine. Returns its own port, and how many connections were made.
async fn count_connections(to: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let Ok((mut client, _)) = listener.accept().await else { return };
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, count)
}
