//! Tests of the state of a clock that nodes share: its checkpoints, and the distrust of a clock that was wrong.

use std::sync::Arc;

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::store::MAX_METADATA;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::UserId;

use super::*;
use crate::clock::manual::ManualClock;

const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TEN_DAYS: Duration = Duration::from_secs(10 * 24 * 60 * 60);

fn node(name: &str) -> StateKeys {
    StateKeys::of_node(&format!("process of {name}"), name)
}

/// An event at this time, as a request records it.
fn event(at: Time) -> Change {
    let user = UserId::from_bytes([1; 16]);
    Change::record_event(AuditEvent::by_user(
        AuditEventKind::LoginSucceeded,
        user,
        &ClientInfo::default(),
        at,
    ))
}

async fn start_at(store: &dyn Store, keys: &StateKeys, wall: Time) -> Clock {
    start(store, keys, Box::new(ManualClock::new(wall))).await.unwrap()
}

#[tokio::test]
async fn a_node_continues_from_its_own_checkpoint_and_a_new_one_from_the_latest() {
    let store = SqliteStore::in_memory().unwrap();
    for (name, time) in [("a", NOON), ("b", NOON + DAY)] {
        save(&*store, &node(name), &Clock::start(ManualClock::new(time), None, Time::EPOCH)).await.unwrap();
    }
    let before = NOON - DAY;
    assert_eq!(start_at(&*store, &node("a"), before).await.now(), NOON, "b is ahead by a day");
    assert_eq!(start_at(&*store, &node("b"), before).await.now(), NOON + DAY);
    assert_eq!(start_at(&*store, &node("c"), before).await.now(), NOON + DAY);
    // The store was moved into a file.
    let only = StateKeys::new(&*store, "a");
    assert_eq!(start_at(&*store, &only, before).await.now(), NOON + DAY);
}

/// Accepts the wall clock of a process that has started, as an operator does.
async fn accept_at_start(store: &dyn Store, keys: &StateKeys, wall: Time) {
    let clock = start_at(store, keys, wall).await;
    let accepted = clock.accept();
    accept(store, keys, (&clock, accepted), event(clock.now())).await.unwrap();
}

/// A container that was ahead is gone, and no later one has its name.
#[tokio::test]
async fn an_accepted_clock_also_replaces_the_later_checkpoint_of_a_node_that_is_gone() {
    let store = SqliteStore::in_memory().unwrap();
    for (name, time) in [("pod-0", NOON + CLOCK_JUMP_THRESHOLD), ("pod-1", NOON + TEN_DAYS)] {
        save(&*store, &node(name), &Clock::start(ManualClock::new(time), None, Time::EPOCH)).await.unwrap();
    }
    assert_eq!(start_at(&*store, &node("pod-2"), NOON).await.now(), NOON + TEN_DAYS);
    accept_at_start(&*store, &node("pod-2"), NOON).await;

    let saved = saved(&*store).await.unwrap();
    let owners: Vec<_> = saved.iter().map(|(owner, _)| owner.as_str()).collect();
    assert_eq!(owners, ["pod-0", "pod-2"], "a difference as between any two clocks is kept");
    let started = start_at(&*store, &node("pod-3"), NOON).await.now();
    assert_eq!(started, NOON + CLOCK_JUMP_THRESHOLD, "the latest of those");
}

/// `store copy` takes the checkpoints of the nodes into the file.
#[tokio::test]
async fn an_accepted_clock_of_a_file_replaces_the_later_checkpoint_of_a_node() {
    let store = SqliteStore::in_memory().unwrap();
    let only = StateKeys::new(&*store, "a");
    let ahead = Clock::start(ManualClock::new(NOON + TEN_DAYS), None, Time::EPOCH);
    save(&*store, &node("a"), &ahead).await.unwrap();
    assert_eq!(start_at(&*store, &only, NOON).await.now(), NOON + TEN_DAYS);

    accept_at_start(&*store, &only, NOON).await;

    assert_eq!(start_at(&*store, &only, NOON).await.now(), NOON);
}

/// While a process stood still, its lease ended and another node started.
#[tokio::test]
async fn a_wrong_clock_that_stood_still_is_distrusted_again() {
    let store = SqliteStore::in_memory().unwrap();
    let (a, source, ahead) = (node("a"), ManualClock::new(NOON + DAY), NOON + DAY);
    let clock = start(&*store, &a, Box::new(source.clone())).await.unwrap();
    source.set_wall(NOON);
    let accepted = clock.accept();
    accept(&*store, &a, (&clock, accepted), event(clock.now())).await.unwrap();
    assert_eq!(start_at(&*store, &node("b"), NOON).await.now(), NOON);

    save(&*store, &a, &clock).await.unwrap();
    commit(&*store, vec![event(ahead + CLOCK_JUMP_THRESHOLD)]).await.unwrap();

    assert_eq!(start_at(&*store, &node("b"), NOON).await.now(), NOON);
}

/// The checkpoint of this node is behind those of many containers.
#[tokio::test]
async fn a_node_finds_its_own_checkpoint_among_any_number() {
    let store = SqliteStore::in_memory().unwrap();
    let others = (0..MAX_METADATA).map(|pod| set_time(CHECKPOINT, &format!("pod-{pod}"), NOON + DAY));
    commit(&*store, others.chain([set_time(CHECKPOINT, "z", NOON)]).collect()).await.unwrap();

    assert_eq!(start_at(&*store, &node("z"), NOON - DAY).await.now(), NOON);
}

async fn save_at(store: &dyn Store, keys: &StateKeys, time: Time) {
    save(store, keys, &Clock::start(ManualClock::new(time), None, Time::EPOCH)).await.unwrap();
}

#[tokio::test]
async fn what_nodes_have_left_that_do_not_come_back_is_removed() {
    let store = SqliteStore::in_memory().unwrap();
    save_at(&*store, &node("a"), NOON).await;
    commit(&*store, vec![set_time(DISTRUSTED_UNTIL, "process of a", NOON)]).await.unwrap();

    save_at(&*store, &node("c"), NOON + RETENTION).await;
    start_at(&*store, &node("b"), NOON + RETENTION + DAY).await;
    assert_eq!(store.metadata_with_prefix("clock_").await.unwrap().len(), 3);
    save_at(&*store, &node("c"), NOON + RETENTION + DAY).await;
    start_at(&*store, &node("b"), NOON + RETENTION + DAY).await;

    let left = store.metadata_with_prefix("clock_").await.unwrap();
    assert_eq!(left.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["clock_checkpoint:c"]);
}

#[tokio::test]
async fn a_node_whose_clock_is_ahead_leaves_the_checkpoints_of_the_others() {
    let store = SqliteStore::in_memory().unwrap();
    save_at(&*store, &node("a"), NOON).await;
    let ahead = NOON + 2 * RETENTION;
    save_at(&*store, &node("ahead"), ahead).await;

    assert_eq!(start_at(&*store, &node("ahead"), ahead).await.now(), ahead);

    assert_eq!(start_at(&*store, &node("a"), NOON).await.now(), NOON, "it continues from its own");
}

/// Node a is ahead by a day, and an operator has declared that. Another node that starts reads the records of a too.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_of_another_node_does_not_lift_the_distrust_while_the_wrong_clock_runs() {
    use counterfoil_postgres::PostgresStore;
    use counterfoil_test_support::{PostgresServer, skip};

    let Some(server) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
    let url = server.new_database().parse().unwrap();
    let [store_a, store_b, store_again] = [
        PostgresStore::open(&url).await.unwrap(),
        PostgresStore::open(&url).await.unwrap(),
        PostgresStore::open(&url).await.unwrap(),
    ];
    let named = |store: &Arc<PostgresStore>, name| StateKeys::new(&**store, name);
    let (a, b, again) = (named(&store_a, "a"), named(&store_b, "b"), named(&store_again, "a"));
    let registry = store_a.node_registry().unwrap();
    registry.join("a", Duration::from_secs(2)).await.unwrap();
    let ahead = NOON + DAY;
    let source = ManualClock::new(ahead);
    let clock_a = start(&*store_a, &a, Box::new(source.clone())).await.unwrap();
    commit(&*store_a, vec![event(clock_a.now())]).await.unwrap();
    source.set_wall(NOON);
    let accepted = clock_a.accept();
    accept(&*store_a, &a, (&clock_a, accepted), event(clock_a.now())).await.unwrap();

    assert_eq!(start_at(&*store_b, &b, NOON).await.now(), NOON);
    commit(&*store_a, vec![event(ahead + CLOCK_JUMP_THRESHOLD)]).await.unwrap();
    assert_eq!(start_at(&*store_b, &b, NOON).await.now(), NOON, "what a writes afterwards");

    registry.leave().await.unwrap();
    assert_eq!(start_at(&*store_again, &again, NOON).await.now(), NOON, "its own start");
    // From here on, only records that are newer than the last of a count.
    commit(&*store_b, vec![event(NOON + CLOCK_JUMP_THRESHOLD)]).await.unwrap();
    assert_eq!(start_at(&*store_b, &b, NOON).await.now(), NOON);
    let newer = ahead + 2 * CLOCK_JUMP_THRESHOLD;
    commit(&*store_b, vec![event(newer)]).await.unwrap();
    assert_eq!(start_at(&*store_b, &b, NOON).await.now(), newer);
    for store in [store_a, store_b, store_again] {
        store.close().await.unwrap();
    }
}
