//! TLS: the certificate of the server is verified, and the log says what is wrong with it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use counterfoil_core::store::session_cache::shared::SharedSessionCache as _;
use counterfoil_redis::RedisSessionCache;
use counterfoil_test_support::{
    CapturedLogs, CertificateAuthority, RedisServer, ServerCertificate, free_port,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tracing::Level;

use crate::cluster;
use crate::fixture::{Node, TestClock, key, server, store, until};

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

/// Why the servers of this URL are not reached, as the log says it. The log is that of this thread.
async fn reason(url: &str) -> String {
    let (logs, _guard) = CapturedLogs::capture(Level::INFO);
    let cache = RedisSessionCache::start(url.parse().unwrap(), key(), || None);
    until("a reason is logged", async || logs.text().contains("cannot be reached")).await;
    drop(cache);
    logs.text()
}

async fn assert_reason(url: &str, expected: [&str; 2]) {
    let text = reason(url).await;
    assert!(expected.iter().all(|part| text.contains(part)), "{url}: {text}");
}

fn use_certificate(redis: &RedisServer, files: &ServerCertificate) {
    let [certificate, key] = [&files.certificate, &files.key].map(|file| file.display().to_string());
    let answer = redis.cli(&["config", "set", "tls-cert-file", &certificate, "tls-key-file", &key]);
    assert_eq!(answer, "OK");
}

#[tokio::test]
async fn the_log_says_what_is_wrong_with_tls_and_what_to_do() {
    let (authority, port) = (CertificateAuthority::new(), free_port());
    let Some(redis) = server(&authority.redis_config("localhost", port)) else { return };
    let query = format!("?ca_file={}", authority.file().display());
    let other = CertificateAuthority::new();
    let unknown = ["no trusted authority has signed", "`?ca_file=FILE` in the URL"];
    assert_reason(&format!("rediss://localhost:{port}"), unknown).await;
    // A sentinel and the nodes of a cluster are verified in the same way.
    for (kind, path) in [("", ""), ("+cluster", ""), ("+sentinel", "/sessions")] {
        let url = format!("rediss{kind}://localhost:{port}{path}?ca_file={}", other.file().display());
        assert_reason(&url, unknown).await;
    }
    let name = ["is for another host name", "write a host into the URL that is in the certificate"];
    for kind in ["", "+cluster"] {
        assert_reason(&format!("rediss{kind}://127.0.0.1:{port}{query}"), name).await;
    }
    let url = format!("rediss://localhost:{port}{query}");
    let missing = format!("rediss://localhost:{port}?ca_file=/nowhere/root.pem");
    assert_reason(&missing, ["/nowhere/root.pem", "No such file"]).await;

    use_certificate(&redis, &authority.expired_certificate("localhost"));
    assert_reason(&url, ["the certificate of the server has expired", "renew it"]).await;
    use_certificate(&redis, &authority.future_certificate("localhost"));
    assert_reason(&url, ["is not valid yet", "correct the clock of this machine"]).await;
    use_certificate(&redis, &authority.certificate("localhost"));

    let without = format!("rediss://localhost:{}{query}", redis.port());
    assert_reason(&without, ["write `redis` instead of `rediss` into the URL", "TLS at this port"]).await;
    let unencrypted = format!("redis://localhost:{port}");
    assert_reason(&unencrypted, ["only TLS at this port", "write `rediss` instead of `redis`"]).await;
    assert_eq!(redis.cli(&["config", "set", "tls-auth-clients", "yes"]), "OK");
    assert_reason(&url, ["demands a certificate of its clients", "set `tls-auth-clients no`"]).await;
}

#[tokio::test]
async fn the_log_says_that_a_cluster_announces_addresses_that_are_not_in_its_certificates() {
    let authority = CertificateAuthority::new();
    let Some(members) = cluster::start("tls-cluster yes", Some(&authority)) else { return };
    cluster::until_formed(&members).await;
    let url = format!("rediss+cluster://{}?ca_file={}", cluster::hosts(&members), authority.file().display());
    assert_reason(&url, ["announces the address 127.0.0.1:", "set `cluster-announce-hostname`"]).await;
}

/// With the protocol of the URL and that of the ports that the cluster announces, each right or wrong.
#[tokio::test]
async fn the_log_names_the_port_of_a_cluster_at_which_tls_is_missing_or_demanded() {
    let authority = CertificateAuthority::new();
    let Some(member) = cluster::start_alone("tls-cluster yes", &authority).await else { return };
    let (with_tls, without) = (member.port, member.server.port());
    let query = format!("?ca_file={}", authority.file().display());
    let encrypted = |port: u16| format!("rediss+cluster://localhost:{port}{query}");
    let plain = |port: u16| format!("redis+cluster://localhost:{port}");
    let announce = |setting: &str, port: u16| {
        assert_eq!(member.server.cli(&["config", "set", setting, &port.to_string()]), "OK");
    };
    for url in [encrypted(with_tls), plain(without)] {
        assert!(is_connected(&url).await, "{url}");
    }
    assert_reason(&encrypted(without), ["write `redis` instead of `rediss`", "TLS at this port"]).await;
    assert_reason(&plain(with_tls), ["only TLS at this port", "write `rediss` instead of `redis`"]).await;

    announce("cluster-announce-tls-port", without);
    let address = format!("at the address localhost:{without}, which it announces");
    assert_reason(&encrypted(with_tls), [address.as_str(), "set `tls-cluster yes` at every node"]).await;
    announce("cluster-announce-port", with_tls);
    let address = format!("at the address localhost:{with_tls}, which it announces");
    assert_reason(&plain(without), [address.as_str(), "write `rediss+cluster` instead of `redis+cluster`"])
        .await;

    // Nothing listens there, which has nothing to do with TLS.
    announce("cluster-announce-port", free_port());
    let text = reason(&plain(without)).await;
    assert!(
        text.contains("cannot be reached at the address") && text.contains("`cluster-announce-port`"),
        "{text}"
    );
    assert!(!text.contains("TLS") && !text.contains("certificate"), "{text}");
}

async fn is_connected(url: &str) -> bool {
    let cache = RedisSessionCache::start(url.parse().unwrap(), key(), || None);
    until("it is connected", async || cache.metrics().is_connected()).await;
    true
}
