//! A password that is wrong, or that changes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterfoil_redis::{RedisSessionCache, RedisUrl};

use crate::fixture::{Node, TestClock, key, server, store};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_is_taken_up_without_a_restart() {
    let Some(redis) = server("requirepass first") else { return };
    let url = |password: &str| -> RedisUrl {
        format!("redis://:{password}@127.0.0.1:{}", redis.port()).parse().unwrap()
    };
    let current = Arc::new(Mutex::new(url("wrong")));
    let read = Arc::clone(&current);
    let cache = RedisSessionCache::start(url("wrong"), key(), move || Some(read.lock().unwrap().clone()));
    let (store, clock) = (store().await, TestClock::new());
    let node = Node::with_cache(&store, cache, &clock);
    store.subscribe(Arc::clone(&node.shared) as _);
    let token = node.log_in().await;
    for _ in 0..20 {
        node.authenticate(&token).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!node.metrics().is_connected(), "the password counts");

    *current.lock().unwrap() = url("first");
    node.settle().await;
    node.until_cached(&token).await;

    // The file changes first, and then the server; connections of before go on until they are cut.
    *current.lock().unwrap() = url("second");
    assert!(redis.cli(&["-a", "first", "config", "set", "requirepass", "second"]).contains("OK"));
    redis.cli(&["-a", "second", "client", "kill", "type", "normal"]);
    node.until("the loss is noticed", || {
        node.metrics().connections.load(std::sync::atomic::Ordering::SeqCst) > 1
    })
    .await;
    node.settle().await;
    node.until_cached(&token).await;
}
