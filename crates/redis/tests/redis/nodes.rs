//! Two nodes of which each knows the commits of the other by the revocation log alone.

use std::time::Duration;

use counterfoil_core::model::session::EndReason;
use counterfoil_core::store::session_cache::Invalidation;
use counterfoil_core::store::{Change, CutoffScope, NewRevocation};
use counterfoil_verify::{Freshness, RevocationSubject};

use crate::fixture::{IDLE, Node, TestClock, USER, key, server, store};

/// Two nodes of one store. The first one hears of its commits, the second one of none.
async fn two_nodes() -> Option<(counterfoil_test_support::RedisServer, Node, Node)> {
    let redis = server("")?;
    let (store, clock) = (store().await, TestClock::new());
    let one = Node::connected(&store, &redis.url(), &clock).await;
    let other = Node::start(&store, &redis.url(), &clock, key());
    other.settle().await;
    Some((redis, one, other))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_one_node_has_read_is_answered_at_the_other() {
    let Some((_redis, one, other)) = two_nodes().await else { return };
    let token = one.log_in().await;
    one.clock.pass(Duration::from_secs(1));
    one.until_cached(&token).await;

    let principal = other.authenticate(&token).await.unwrap();

    assert_eq!(other.hits(), 1);
    assert_eq!((principal.username(), principal.roles()), (Some("ada"), &["editor".to_owned()][..]));
    let by_store = other.authenticate_by_store(&token).await.unwrap();
    assert_eq!(principal.expires_at(), by_store.expires_at());
}

/// The marks in Redis are lost, and only the log says what has happened.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_applied_log_ends_is_refused_whatever_redis_holds() {
    let Some((redis, one, other)) = two_nodes().await else { return };
    let revoke = |subject| {
        Change::append_revocation(NewRevocation {
            subject,
            reason: EndReason::ByAdmin,
            at: one.clock.now(),
            remember_until: Some(one.clock.now() + IDLE),
            status_index: None,
        })
    };
    for scope in 0..4 {
        let token = one.log_in().await;
        one.clock.pass(Duration::from_secs(10));
        one.until_cached(&token).await;
        let hits = other.hits();
        other.authenticate(&token).await.unwrap();
        assert_eq!(other.hits(), hits + 1);
        assert_eq!(
            redis.cli(&[
                "eval",
                "redis.call('COPY', redis.call('KEYS', 'cf:*')[1], 'kept') return 'ok'",
                "0"
            ]),
            "ok"
        );

        let changes = match scope {
            0 => vec![Change::end_session(token.session(), one.ending())],
            1 => vec![revoke(RevocationSubject::User(USER)), Change::set_cutoff(CutoffScope::User(USER))],
            2 => {
                let client = counterfoil_verify::ClientId::default();
                vec![
                    revoke(RevocationSubject::Client(client.clone())),
                    Change::set_cutoff(CutoffScope::Client(client)),
                ]
            }
            _ => vec![revoke(RevocationSubject::Everyone), Change::set_cutoff(CutoffScope::Everyone)],
        };
        let applied = one.commit(changes).await;
        let put_back = "for _, key in ipairs(redis.call('KEYS', 'cf:*')) do redis.call('COPY', 'kept', key, 'REPLACE') end";
        redis.cli(&["eval", put_back, "0"]);

        other.revocations.publish(&applied.entries, applied.entries.last().unwrap().position);
        let hits = other.hits();
        assert!(other.authenticate(&token).await.is_err(), "scope {scope}");
        assert!(one.authenticate(&token).await.is_err(), "scope {scope}");
        assert_eq!(other.hits(), hits);
        redis.cli(&["flushall"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_log_is_not_fresh_uses_no_value() {
    let Some((_redis, one, other)) = two_nodes().await else { return };
    let token = one.log_in().await;
    one.clock.pass(Duration::from_secs(1));
    one.until_cached(&token).await;

    other.revocations.set_freshness(Freshness::NEVER);
    other.authenticate(&token).await.unwrap();
    assert_eq!(other.hits(), 0, "it was read from the store");

    other.revocations.set_freshness(Freshness::Always);
    other.authenticate(&token).await.unwrap();
    assert_eq!(other.hits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_user_that_a_node_hears_of_makes_it_read_the_store() {
    let Some((_redis, one, other)) = two_nodes().await else { return };
    let token = one.log_in().await;
    one.clock.pass(Duration::from_secs(1));
    one.until_cached(&token).await;
    let user = one.store.user(USER).await.unwrap().unwrap();
    one.commit([Change::replace_user(user.with_roles(vec!["reader".into()]))]).await;

    other.shared.invalidate(Invalidation::User(USER));

    for node in [&one, &other] {
        assert_eq!(node.authenticate(&token).await.unwrap().roles(), ["reader"]);
    }
    assert_eq!(other.hits(), 0);
}
