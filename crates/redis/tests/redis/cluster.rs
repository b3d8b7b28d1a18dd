//! A cluster of three nodes.

use std::process::Command;
use std::time::Duration;

use counterfoil_test_support::{CertificateAuthority, free_port};

use crate::fixture::{Member, Node, TestClock, store, until};

/// Starts three nodes and makes them a cluster. `None` if the test is skipped.
#[track_caller]
pub(crate) fn start(config: &str, authority: Option<&CertificateAuthority>) -> Option<[Member; 3]> {
    let member = || {
        let config = format!(
            "cluster-enabled yes\ncluster-port {}\ncluster-node-timeout 1000\ncluster-require-full-coverage no\n{config}",
            free_port()
        );
        Member::start(&config, authority)
    };
    let members = [member()?, member()?, member()?];
    let mut create = Command::new("redis-cli");
    if let Some(authority) = authority {
        create.arg("--tls").arg("--cacert").arg(authority.file());
    }
    create.args(["--cluster", "create"]);
    // The nodes meet by address.
    create.args(members.iter().map(|member| format!("127.0.0.1:{}", member.port)));
    let created = create.arg("--cluster-yes").output().unwrap();
    assert!(created.status.success(), "{created:?}");
    Some(members)
}

/// Starts a node that is a cluster alone, with TLS and without, and announces no host. `None` if the test is skipped.
pub(crate) async fn start_alone(config: &str, authority: &CertificateAuthority) -> Option<Member> {
    let config = format!("cluster-enabled yes\ncluster-port {}\n{config}", free_port());
    let member = Member::start(&config, Some(authority))?;
    assert_eq!(member.server.cli(&["cluster", "addslotsrange", "0", "16383"]), "OK");
    until("the cluster has formed", async || {
        member.server.cli(&["cluster", "info"]).contains("cluster_state:ok")
    })
    .await;
    Some(member)
}

pub(crate) async fn until_formed(members: &[Member; 3]) {
    until("the cluster has formed", async || {
        members.iter().all(|node| node.server.cli(&["cluster", "info"]).contains("cluster_state:ok"))
    })
    .await;
}

pub(crate) fn hosts(members: &[Member; 3]) -> String {
    members.each_ref().map(|member| format!("{}:{}", member.host, member.port)).join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_nodes_of_a_cluster_are_used_by_the_names_that_they_announce() {
    let authority = CertificateAuthority::new();
    let names =
        "tls-cluster yes\ncluster-announce-hostname localhost\ncluster-preferred-endpoint-type hostname";
    let Some(members) = start(names, Some(&authority)) else { return };
    until_formed(&members).await;
    let url = format!("rediss+cluster://{}?ca_file={}", hosts(&members), authority.file().display());
    let node = Node::connected(&store().await, &url, &TestClock::new()).await;
    let mut tokens = Vec::new();
    for _ in 0..30 {
        tokens.push(node.log_in().await);
    }
    node.clock.pass(Duration::from_secs(6));
    for token in &tokens {
        node.until_cached(token).await;
    }
    for member in &members {
        assert_ne!(member.server.cli(&["dbsize"]), "0", "the sessions are spread");
        member.until_encrypted().await;
    }
    let ended = tokens.pop().unwrap();
    node.end(ended.session()).await;
    assert!(node.authenticate(&ended).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_used_and_a_lost_node_costs_only_its_sessions() {
    let Some(members) = start("", None) else { return };
    until_formed(&members).await;
    let url = format!("redis+cluster://{}", hosts(&members));
    let node = Node::connected(&store().await, &url, &TestClock::new()).await;
    let mut tokens = Vec::new();
    for _ in 0..30 {
        tokens.push(node.log_in().await);
    }
    node.clock.pass(Duration::from_secs(6));
    for token in &tokens {
        node.until_cached(token).await;
    }
    for member in &members {
        assert_ne!(member.server.cli(&["dbsize"]), "0", "the sessions are spread");
    }

    let ended = tokens.pop().unwrap();
    node.end(ended.session()).await;
    let [_first, _second, third] = members;
    third.server.kill();
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
