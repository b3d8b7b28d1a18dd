//! A cluster of three nodes.

use std::process::Command;
use std::time::Duration;

use counterfoil_test_support::{RedisServer, free_port};

use crate::fixture::{Node, TestClock, server, store, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_used_and_a_lost_node_costs_only_its_sessions() {
    let config = || {
        format!(
            "cluster-enabled yes\ncluster-port {}\ncluster-node-timeout 1000\ncluster-require-full-coverage no",
            free_port()
        )
    };
    let Some(first) = server(&config()) else { return };
    let [second, third] = [(); 2].map(|()| RedisServer::start(&config()).unwrap());
    let addresses = [&first, &second, &third].map(|node| format!("127.0.0.1:{}", node.port()));
    let created = Command::new("redis-cli")
        .args(["--cluster", "create"])
        .args(&addresses)
        .args(["--cluster-yes"])
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    until("the cluster has formed", async || {
        [&first, &second, &third]
            .iter()
            .all(|node| node.cli(&["cluster", "info"]).contains("cluster_state:ok"))
    })
    .await;
    let url = format!("redis+cluster://{}", addresses.join(","));
    let node = Node::connected(&store().await, &url, &TestClock::new()).await;
    let mut tokens = Vec::new();
    for _ in 0..30 {
        tokens.push(node.log_in().await);
    }
    node.clock.pass(Duration::from_secs(6));
    for token in &tokens {
        node.until_cached(token).await;
    }
    for server in [&first, &second, &third] {
        assert_ne!(server.cli(&["dbsize"]), "0", "the sessions are spread");
    }

    let ended = tokens.pop().unwrap();
    node.end(ended.session()).await;
    third.kill();
    for token in &tokens {
        node.authenticate(token).await.unwrap();
    }
    assert!(node.authenticate(&ended).await.is_err());
    until("the other nodes answer", async || {
        node.clock.pass(Duration::from_secs(6));
        let hits = node.hits();
        for token in &tokens {
            node.authenticate(token).await.unwrap();
        }
        node.hits() > hits + 5
    })
    .await;
}
