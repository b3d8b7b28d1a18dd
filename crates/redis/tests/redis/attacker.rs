//! Someone who can write to Redis gains nothing but reads of the store.

use std::sync::atomic::Ordering;
use std::time::Duration;

use counterfoil_test_support::RedisServer;
use counterfoil_verify::AuthError;

use crate::fixture::{Node, TestClock, key, server, store};

/// Executes a script whose first key is the only key of the server.
fn script(redis: &RedisServer, script: &str) -> String {
    redis.cli(&["eval", &format!("local key = redis.call('KEYS', 'cf:*')[1] {script}"), "0"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_an_ended_session_that_is_put_back_is_refused() {
    let Some(redis) = server("") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    let token = node.log_in().await;
    node.until_cached(&token).await;
    assert_eq!(redis.cli(&["dbsize"]), "1");
    assert_eq!(script(&redis, "redis.call('COPY', key, 'stolen') return 'ok'"), "ok");

    node.end(token.session()).await;
    // After the mark of the end, as a failover to an older replica does.
    node.until("the end is marked", || script(&redis, "return redis.call('STRLEN', key)") == "3").await;
    assert_eq!(script(&redis, "redis.call('COPY', 'stolen', key, 'REPLACE') return 'ok'"), "ok");

    assert!(matches!(node.authenticate(&token).await, Err(AuthError::InvalidCredential(_))));
    assert!(node.metrics().outdated.load(Ordering::SeqCst) > 0, "the value was authentic");
    // Later as well, whatever the expiry of the key says.
    script(&redis, "redis.call('PERSIST', key)");
    node.clock.pass(Duration::from_secs(3));
    assert!(node.authenticate(&token).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_moved_value_and_garbage_of_any_type_are_not_used() {
    let Some(redis) = server("") else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    let token = node.log_in().await;
    node.until_cached(&token).await;

    for garbage in [
        // One bit of the roles, of the MAC, of the revision.
        "redis.call('SETRANGE', key, 30, 'x')",
        "redis.call('SETRANGE', key, -1 + redis.call('STRLEN', key), 'x')",
        "redis.call('SETRANGE', key, 0, '\\1')",
        "redis.call('SET', key, '')",
        "redis.call('SET', key, string.rep('x', 100000))",
        "redis.call('DEL', key) redis.call('RPUSH', key, 'x')",
        "redis.call('DEL', key) redis.call('HSET', key, 'x', 'y')",
    ] {
        script(&redis, garbage);
        let hits = node.hits();
        node.authenticate(&token).await.unwrap_or_else(|error| panic!("{garbage}: {error:?}"));
        assert_eq!(node.hits(), hits, "{garbage}");
        script(&redis, "redis.call('DEL', key)");
        node.until_cached(&token).await;
    }

    // The value of one session under the key of another.
    let other = node.log_in().await;
    node.until_cached(&other).await;
    let before = node.metrics().unverified.load(Ordering::SeqCst);
    let copied = "local keys = redis.call('KEYS', 'cf:*') redis.call('COPY', keys[1], keys[2], 'REPLACE') return #keys";
    assert_eq!(redis.cli(&["eval", copied, "0"]), "2");
    for token in [&token, &other] {
        assert_eq!(node.authenticate(token).await.unwrap().session_id(), Some(token.session()));
    }
    assert!(node.metrics().unverified.load(Ordering::SeqCst) > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_and_another_installation_find_nothing() {
    let Some(redis) = server("") else { return };
    let (store, clock) = (store().await, TestClock::new());
    let node = Node::connected(&store, &redis.url(), &clock).await;
    let token = node.log_in().await;
    node.until_cached(&token).await;

    let guessed = counterfoil_core::credentials::session_token::SessionToken::generate(token.session());
    assert!(node.authenticate(&guessed.unwrap()).await.is_err());
    assert!(node.metrics().unverified.load(Ordering::SeqCst) > 0);

    let foreign = Node::start(&store, &redis.url(), &clock, counterfoil_jose::HmacKey::new(&[8; 32]));
    let own = Node::start(&store, &redis.url(), &clock, key());
    for node in [&foreign, &own] {
        node.settle().await;
    }
    node.until_cached(&token).await;
    let misses = || foreign.metrics().misses.load(Ordering::SeqCst);
    let before = misses();
    foreign.authenticate(&token).await.unwrap();
    assert_eq!((misses(), foreign.hits()), (before + 1, 0));
}
