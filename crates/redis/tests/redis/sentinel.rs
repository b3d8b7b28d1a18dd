//! A failover by sentinels that loses the last writes.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use counterfoil_test_support::CertificateAuthority;

use crate::fixture::{Member, Node, TestClock, store, until};

const FAST: &str = "repl-diskless-sync-delay 0\nrepl-ping-replica-period 1";

/// How many failovers there are. The long form, `cargo xtask soak sentinel`, has more.
const ROUNDS: &str = "COUNTERFOIL_SENTINEL_ROUNDS";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_the_new_master_is_used_and_revives_no_session() {
    let rounds: u32 = std::env::var(ROUNDS).map_or(1, |count| count.parse().unwrap());
    let mut times = Vec::new();
    for _ in 0..rounds {
        let Some(without) = fail_over(None).await else { return };
        times.push(without.as_millis());
    }
    times.sort_unstable();
    let (min, median, max) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{rounds} failovers, no ended session accepted; without the cache: min {min} ms, median {median} ms, max {max} ms"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_master_is_used_by_the_name_that_the_sentinels_know() {
    let authority = CertificateAuthority::new();
    fail_over(Some(&authority)).await;
}

/// Kills the master after a write that only it has. Returns how long there was no cache; `None` if the test is skipped.
async fn fail_over(authority: Option<&CertificateAuthority>) -> Option<Duration> {
    let names = authority.map_or("", |_| "replica-announce-ip localhost");
    let master = Member::start(&format!("{FAST}\n{names}"), authority)?;
    let follow = format!("{FAST}\n{names}\nreplicaof {} {}", master.host, master.port);
    let replica = Member::start(&follow, authority)?;
    until("the replica follows", async || {
        replica.server.cli(&["info", "replication"]).contains("master_link_status:up")
    })
    .await;
    let names = authority.map_or("", |_| "sentinel resolve-hostnames yes\nsentinel announce-hostnames yes");
    let monitored = format!(
        "{names}\nsentinel monitor sessions {} {} 1\nsentinel down-after-milliseconds sessions 500\n\
         sentinel failover-timeout sessions 2000",
        master.host, master.port
    );
    let sentinel = Member::start_sentinel(&monitored, authority)?;
    until("the sentinel knows the replica", async || {
        sentinel.server.cli(&["sentinel", "replicas", "sessions"]).contains(&replica.port.to_string())
    })
    .await;
    let url = match authority {
        Some(authority) => {
            let file = authority.file();
            format!(
                "rediss+sentinel://localhost:1,localhost:{}/sessions?ca_file={}",
                sentinel.port,
                file.display()
            )
        }
        None => format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/sessions", sentinel.port),
    };
    let node = Node::connected(&store().await, &url, &TestClock::new()).await;
    let (kept, ended) = (node.log_in().await, node.log_in().await);
    node.clock.pass(Duration::from_secs(6));
    for token in [&kept, &ended] {
        node.until_cached(token).await;
    }
    until("the replica has both sessions", async || replica.server.cli(&["dbsize"]) == "2").await;
    if authority.is_some() {
        master.until_encrypted().await;
    }

    // The replica hears of nothing more, and the mark of the end is lost with the master.
    replica.server.cli(&["replicaof", "127.0.0.1", "1"]);
    node.end(ended.session()).await;
    replica.server.cli(&["replicaof", master.host, &master.port.to_string()]);
    let connections = || node.metrics().connections.load(Ordering::SeqCst);
    let (before, killed) = (connections(), Instant::now());
    master.server.kill();
    until("the replica is the master", async || replica.server.cli(&["role"]).starts_with("master")).await;
    // The connection to the killed one counts as usable until something is asked.
    node.until("the new master is used", || connections() > before && node.metrics().is_connected()).await;
    let without = killed.elapsed();

    for _ in 0..3 {
        assert!(node.authenticate(&ended).await.is_err());
        node.authenticate(&kept).await.unwrap();
        node.clock.pass(Duration::from_secs(3));
    }
    node.until_cached(&kept).await;
    assert_eq!(replica.server.cli(&["role"]).lines().next(), Some("master"));
    Some(without)
}
