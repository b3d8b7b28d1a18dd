//! A failover by sentinels that loses the last writes.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use counterfoil_test_support::{RedisServer, free_port};

use crate::fixture::{Node, TestClock, server, store, until};

const FAST: &str = "repl-diskless-sync-delay 0\nrepl-ping-replica-period 1";

/// How many failovers there are. The long form, `cargo xtask soak sentinel`, has more.
const ROUNDS: &str = "COUNTERFOIL_SENTINEL_ROUNDS";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_the_new_master_is_used_and_revives_no_session() {
    let rounds: u32 = std::env::var(ROUNDS).map_or(1, |count| count.parse().unwrap());
    let mut times = Vec::new();
    for _ in 0..rounds {
        let Some(master) = server(FAST) else { return };
        times.push(fail_over(master).await.as_millis());
    }
    times.sort_unstable();
    let (min, median, max) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{rounds} failovers, no ended session accepted; without the cache: min {min} ms, median {median} ms, max {max} ms"
    );
}

/// Kills the master after a write that only it has. Returns how long there was no cache.
async fn fail_over(master: RedisServer) -> Duration {
    let replica_port = free_port();
    let replica = format!("{FAST}\nreplicaof 127.0.0.1 {}", master.port());
    let replica = RedisServer::start_at(replica_port, &replica).unwrap();
    until("the replica follows", async || {
        replica.cli(&["info", "replication"]).contains("master_link_status:up")
    })
    .await;
    let monitored = format!(
        "sentinel monitor sessions 127.0.0.1 {} 1\nsentinel down-after-milliseconds sessions 500\n\
         sentinel failover-timeout sessions 2000",
        master.port()
    );
    let sentinel = RedisServer::start_sentinel(&monitored).unwrap();
    until("the sentinel knows the replica", async || {
        sentinel.cli(&["sentinel", "replicas", "sessions"]).contains(&replica_port.to_string())
    })
    .await;
    let url = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/sessions", sentinel.port());
    let node = Node::connected(&store().await, &url, &TestClock::new()).await;
    let (kept, ended) = (node.log_in().await, node.log_in().await);
    node.clock.pass(Duration::from_secs(6));
    for token in [&kept, &ended] {
        node.until_cached(token).await;
    }
    until("the replica has both sessions", async || replica.cli(&["dbsize"]) == "2").await;

    // The replica hears of nothing more, and the mark of the end is lost with the master.
    replica.cli(&["replicaof", "127.0.0.1", "1"]);
    node.end(ended.session()).await;
    replica.cli(&["replicaof", "127.0.0.1", &master.port().to_string()]);
    let connections = || node.metrics().connections.load(Ordering::SeqCst);
    let (before, killed) = (connections(), Instant::now());
    master.kill();
    until("the replica is the master", async || replica.cli(&["role"]).starts_with("master")).await;
    // The connection to the killed one counts as usable until something is asked.
    node.until("the new master is used", || connections() > before && node.metrics().is_connected()).await;
    let without = killed.elapsed();

    for _ in 0..3 {
        assert!(node.authenticate(&ended).await.is_err());
        node.authenticate(&kept).await.unwrap();
        node.clock.pass(Duration::from_secs(3));
    }
    node.until_cached(&kept).await;
    assert_eq!(replica.cli(&["role"]).lines().next(), Some("master"));
    without
}
