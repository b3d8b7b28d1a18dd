//! How much memory of Redis a session takes, beside express-session's.

use std::time::Duration;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::store::session_cache::shared::{CachedSession, CachedUser, SharedSessionCache as _};
use counterfoil_jose::random;
use counterfoil_test_support::RedisServer;
use counterfoil_verify::{RevocationPosition, SessionId, UserId};

use crate::fixture::{NOON, Node, TestClock, server, session, store, until};

/// The number of sessions. The long form, `cargo xtask soak redis-memory`, sets another one.
const SESSIONS: &str = "COUNTERFOIL_REDIS_SESSIONS";

/// What connect-redis 9 writes for a session of express-session 1.18 with a user in it, under `sess:` and an id of 32 characters.
const EXPRESS_SESSION: &str = r#"{"cookie":{"originalMaxAge":86400000,"expires":"2026-11-30T12:00:00.000Z","secure":true,"httpOnly":true,"path":"/","sameSite":"lax"},"user":{"id":"652f1c2e9b1e8a0012345678","username":"lovelace","roles":["editor"]}}"#;

/// By default 12,500, which fill the hash tables of Redis as far as 100,000 do.
fn sessions() -> u32 {
    std::env::var(SESSIONS).map_or(12_500, |number| number.parse().unwrap())
}

/// The bytes a session in which a server has grown by `work`, with so many sessions.
async fn bytes_per_session(redis: &RedisServer, count: u32, work: impl AsyncFnOnce()) -> u64 {
    assert_eq!(redis.cli(&["dbsize"]), "0");
    let before = redis.info("used_memory_dataset");
    let overhead = redis.info("used_memory_overhead");
    work().await;
    until("all are stored", async || redis.cli(&["dbsize"]) == count.to_string()).await;
    let grown = redis.info("used_memory_dataset") + redis.info("used_memory_overhead") - before - overhead;
    grown / u64::from(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_takes_less_than_200_bytes_and_six_tenths_of_express_session() {
    let (Some(redis), count) = (server(""), sessions()) else { return };
    let node = Node::connected(&store().await, &redis.url(), &TestClock::new()).await;
    // Once, so that the buffers of the connection have their size.
    fill(&node, &redis, 1000).await;
    assert_eq!(redis.cli(&["flushall"]), "OK");
    let ours = bytes_per_session(&redis, count, async || fill(&node, &redis, count).await).await;
    let Some(redis) = server("") else { return };
    let theirs = bytes_per_session(&redis, count, async || {
        let fill = format!(
            "for i = 1, {count} do redis.call('SET', string.format('sess:%032d', i), ARGV[1], 'EX', 86400) end"
        );
        redis.cli(&["eval", &fill, "0", EXPRESS_SESSION]);
    })
    .await;

    println!("{count} sessions: {ours} bytes each in Redis, {theirs} of express-session");
    assert!(ours < 200, "{ours} bytes");
    assert!(ours * 10 < theirs * 6, "{ours} of {theirs} bytes");
}

/// Stores so many sessions.
async fn fill(node: &Node, redis: &RedisServer, count: u32) {
    for number in 0..count {
        node.cache.insert(&usual(number), Duration::from_secs(60));
        // The queue is bounded.
        if number % 1000 == 999 {
            until("they are stored", async || redis.cli(&["dbsize"]) == (number + 1).to_string()).await;
        }
    }
}

/// A session of 20 days ago, with a username of 8 characters and one role.
fn usual(number: u32) -> CachedSession {
    let token = SessionToken::generate(SessionId::from_bytes(random::bytes().unwrap())).unwrap();
    let now = NOON + Duration::from_millis(u64::from(number % 60_000));
    let pos = RevocationPosition::new(now.unix_ms() - 21 * 86_400_000);
    let opened = session(
        &token,
        UserId::from_bytes(random::bytes().unwrap()),
        now - Duration::from_millis(86_400_123),
        pos,
    );
    let session = counterfoil_core::model::session::Session {
        seen_at: now - Duration::from_millis(31_234),
        revision: 700,
        ..opened
    };
    let user = CachedUser {
        username: "lovelace".into(),
        roles: vec!["editor".into()],
        external_id: None,
        verified_email: None,
    };
    let log_head = RevocationPosition::new(now.unix_ms() - 40_000);
    CachedSession { session, user, log_head, read_at: now }
}
