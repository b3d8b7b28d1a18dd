//! A Redis that is down, slow, emptied, full or closed costs speed, never truth.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use counterfoil_test_support::{RedisServer, free_port};

use crate::fixture::{Node, TestClock, key, server, store, until};

/// The time of each of these requests, the longest last.
async fn durations(node: &Node, requests: usize) -> Vec<Duration> {
    let token = node.log_in().await;
    let mut durations = Vec::new();
    for _ in 0..requests {
        let started = Instant::now();
        node.authenticate(&token).await.unwrap();
        durations.push(started.elapsed());
    }
    durations.sort();
    durations
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_delays_no_request_and_is_used_when_it_is_there() {
    let Some(probe) = server("") else { return };
    probe.kill();
    let (store, clock, port) = (store().await, TestClock::new(), free_port());
    let node = Node::start(&store, &format!("redis://127.0.0.1:{port}"), &clock, key());
    store.subscribe(Arc::clone(&node.shared) as _);

    let durations = durations(&node, 200).await;
    assert!(durations[100] < Duration::from_millis(50), "{durations:?}");
    assert_eq!(node.metrics().unavailable.load(Ordering::SeqCst), 200);
    assert!(!node.metrics().is_connected());

    let _redis = RedisServer::start_at(port, "").unwrap();
    node.settle().await;
    let token = node.log_in().await;
    node.until_cached(&token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_nothing_is_used_that_was_read_before_it() {
    let Some(redis) = server("") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    let (kept, ended) = (node.log_in().await, node.log_in().await);
    node.clock.pass(Duration::from_secs(6));
    for token in [&kept, &ended] {
        node.until_cached(token).await;
    }
    let port = redis.port();
    redis.kill();
    node.until("the loss is noticed", || !node.metrics().is_connected()).await;
    // The mark of this end is lost.
    node.end(ended.session()).await;
    assert!(node.authenticate(&ended).await.is_err());
    node.authenticate(&kept).await.unwrap();

    let _redis = RedisServer::start_at(port, "").unwrap();
    node.until("it is connected again", || node.metrics().is_connected()).await;
    assert!(node.authenticate(&ended).await.is_err());
    node.clock.pass(Duration::from_secs(6));
    node.until_cached(&kept).await;
    assert!(node.authenticate(&ended).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_given_up_within_a_second_and_used_again_later() {
    let Some(redis) = server("") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    let token = node.log_in().await;
    node.clock.pass(Duration::from_secs(6));
    node.until_cached(&token).await;

    redis.signal("STOP");
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    while node.metrics().is_connected() {
        let request = Instant::now();
        node.authenticate(&token).await.unwrap();
        longest = longest.max(request.elapsed());
        assert!(started.elapsed() < Duration::from_secs(10), "it is given up");
    }
    let elapsed = started.elapsed();
    assert!(node.metrics().timeouts.load(Ordering::SeqCst) >= 3);
    // Three calls of 100 ms, on a machine that may be busy.
    assert!(elapsed < Duration::from_secs(2) && longest < Duration::from_secs(1), "{elapsed:?} {longest:?}");
    let durations = durations(&node, 100).await;
    assert!(durations[50] < Duration::from_millis(50), "{durations:?}");

    redis.signal("CONT");
    node.settle().await;
    node.until_cached(&token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_redis_without_requests_is_given_up_too() {
    let Some(redis) = server("") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    redis.signal("STOP");
    node.until("it is given up", || !node.metrics().is_connected()).await;
    redis.signal("CONT");
    node.until("it is used again", || node.metrics().is_connected()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_emptied_or_evicts_loses_no_session_and_revives_none() {
    let Some(redis) = server("maxmemory-policy allkeys-random") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    let ended = node.log_in().await;
    node.until_cached(&ended).await;
    node.end(ended.session()).await;

    let mut tokens = Vec::new();
    let maxmemory = redis.info("used_memory") + 50_000;
    redis.cli(&["config", "set", "maxmemory", &maxmemory.to_string()]);
    for _ in 0..500 {
        let token = node.log_in().await;
        node.authenticate(&token).await.unwrap();
        tokens.push(token);
    }
    until("keys are evicted", async || {
        for token in &tokens {
            node.authenticate(token).await.unwrap();
        }
        redis.info("evicted_keys") > 0
    })
    .await;
    assert_eq!(redis.cli(&["flushall"]), "OK");
    for token in &tokens[..100] {
        node.authenticate(token).await.unwrap();
    }
    assert!(node.authenticate(&ended).await.is_err());
    assert!(node.metrics().is_connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_that_evicts_nothing_is_read_and_not_written() {
    let Some(redis) = server("") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    let cached = node.log_in().await;
    node.clock.pass(Duration::from_secs(6));
    node.until_cached(&cached).await;
    redis.cli(&["config", "set", "maxmemory", "1"]);

    let token = node.log_in().await;
    let before = node.metrics().errors.load(Ordering::SeqCst);
    node.authenticate(&token).await.unwrap();
    node.until("the write is refused", || node.metrics().errors.load(Ordering::SeqCst) > before).await;

    let hits = node.hits();
    node.authenticate(&cached).await.unwrap();
    assert_eq!(node.hits(), hits + 1, "the connection is kept");
}
