//! Tests of the marks: which starts follow a crash, and which marks are removed.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::UserId;

use super::*;
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::store::shutdown_mark::mark::RUNNING;

const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
const TEN: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn store_and_keys() -> (std::sync::Arc<SqliteStore>, StateKeys) {
    let store = SqliteStore::in_memory().unwrap();
    let keys = StateKeys::new(&*store, "node");
    (store, keys)
}

/// Commits a record of this time.
pub(super) async fn record(store: &SqliteStore, at: Time) {
    let user = UserId::from_bytes([1; 16]);
    let event = AuditEvent::by_user(AuditEventKind::LoginSucceeded, user, &ClientInfo::default(), at);
    write(store, vec![Change::record_event(event)]).await.unwrap();
}

/// Of a start on the next day.
async fn last_write(store: &SqliteStore, keys: &StateKeys) -> Option<Time> {
    last_write_at(store, keys, NOON + 24 * HOUR).await
}

/// Of a start at this time of the wall clock.
async fn last_write_at(store: &SqliteStore, keys: &StateKeys, wall: Time) -> Option<Time> {
    last_write_before_crash(store, keys, TEN, wall).await.unwrap()
}

async fn save_checkpoint(store: &SqliteStore, keys: &StateKeys, time: Time) {
    let clock = Clock::start(ManualClock::new(time), None, Time::EPOCH);
    checkpoint::save(store, keys, &clock).await.unwrap();
}

#[tokio::test]
async fn a_start_without_a_clean_shutdown_follows_a_crash() {
    let (store, keys) = store_and_keys();
    begin(&*store, &keys, NOON).await.unwrap();
    assert!(last_write(&store, &keys).await.is_some());

    end(&*store, &keys).await.unwrap();
    assert!(last_write(&store, &keys).await.is_none());

    begin(&*store, &keys, NOON).await.unwrap();
    assert!(last_write(&store, &keys).await.is_some(), "the mark counts for one start");
}

#[tokio::test]
async fn the_clock_checkpoint_of_an_idle_server_is_a_write() {
    let (store, keys) = store_and_keys();
    let clock = Clock::start(ManualClock::new(NOON), None, Time::EPOCH);
    checkpoint::save(&*store, &keys, &clock).await.unwrap();

    assert_eq!(last_write(&store, &keys).await, Some(NOON));
}

#[tokio::test]
async fn the_start_of_a_process_that_wrote_nothing_is_its_last_sign_of_life() {
    let (store, keys) = store_and_keys();
    begin(&*store, &keys, NOON).await.unwrap();
    assert_eq!(last_write(&store, &keys).await, Some(NOON));

    write(&*store, vec![Change::set_metadata(key(ONLY_PROCESS), vec![RUNNING])]).await.unwrap();
    assert_eq!(last_write(&store, &keys).await, Some(Time::EPOCH), "an earlier version");
}

#[tokio::test]
async fn the_clean_shutdown_of_a_node_does_not_hide_the_crash_of_another() {
    let (store, _) = store_and_keys();
    let [a, b, again] = ["a", "b", "c"].map(|id| StateKeys::of_node(id, "node"));
    begin(&*store, &a, NOON).await.unwrap();
    begin(&*store, &b, NOON).await.unwrap();
    end(&*store, &b).await.unwrap();
    assert_eq!(last_write(&store, &again).await, Some(NOON));

    end(&*store, &a).await.unwrap();
    assert_eq!(last_write(&store, &again).await, None, "all have stopped");
}

#[tokio::test]
async fn a_crash_is_over_when_another_node_has_served_for_longer_than_the_grace_period() {
    let (store, _) = store_and_keys();
    let [a, b, again] = ["a", "b", "c"].map(|id| StateKeys::of_node(id, id));
    begin(&*store, &a, NOON).await.unwrap();
    let serve_until = async |until: Time| {
        let clock = Clock::start(ManualClock::new(until), None, Time::EPOCH);
        checkpoint::save(&*store, &b, &clock).await.unwrap();
        last_write(&store, &again).await
    };

    let limit = NOON + MAX_SIGN_INTERVAL + TEN;
    assert_eq!(serve_until(limit).await, Some(limit));
    assert_eq!(serve_until(limit + TEN).await, None);
}

/// `store copy` takes the metadata as they are.
#[tokio::test]
async fn a_node_finds_the_crash_of_the_only_process_of_a_store_that_was_moved() {
    let (store, only) = store_and_keys();
    let node = StateKeys::of_node("a", "node");
    begin(&*store, &only, NOON).await.unwrap();
    let clock = Clock::start(ManualClock::new(NOON + HOUR), None, Time::EPOCH);
    checkpoint::save(&*store, &only, &clock).await.unwrap();
    assert_eq!(last_write(&store, &node).await, Some(NOON + HOUR));

    end(&*store, &only).await.unwrap();
    assert_eq!(last_write(&store, &node).await, None);
    begin(&*store, &node, NOON + 2 * HOUR).await.unwrap();
    assert_eq!(
        marks(&*store).await.unwrap().len(),
        1,
        "the mark of the former process is not needed any more"
    );
}

/// As of a process that purges for long between two signs of life, of `restore`, or of a clock that was ahead.
#[tokio::test]
async fn a_record_that_is_newer_than_the_last_sign_of_life_does_not_hide_a_crash() {
    let (store, _) = store_and_keys();
    let [a, again] = ["a", "b"].map(|id| StateKeys::of_node(id, id));
    begin(&*store, &a, NOON).await.unwrap();

    record(&store, NOON + HOUR).await;

    assert_eq!(last_write(&store, &again).await, Some(NOON + HOUR));
}

/// Both have crashed; the tokens of each are repeated.
#[tokio::test]
async fn the_mark_of_a_clock_that_was_ahead_hides_no_crash_of_another_node() {
    let (store, _) = store_and_keys();
    let [ahead, a, again] = ["ahead", "a", "b"].map(|id| StateKeys::of_node(id, id));
    begin(&*store, &ahead, NOON + 24 * HOUR).await.unwrap();
    begin(&*store, &a, NOON).await.unwrap();

    assert_eq!(last_write_at(&store, &again, NOON + HOUR).await, Some(NOON));
    end(&*store, &a).await.unwrap();
    assert_eq!(last_write_at(&store, &again, NOON + HOUR).await, Some(NOON + 24 * HOUR), "its own");
}

/// It continues from its own checkpoint, by which the other one has crashed long ago.
#[tokio::test]
async fn the_start_of_a_node_whose_own_clock_was_ahead_hides_no_crash_from_the_others() {
    let (store, _) = store_and_keys();
    let [ahead, a, again] = ["ahead", "a", "b"].map(|id| StateKeys::of_node(id, id));
    begin(&*store, &a, NOON).await.unwrap();
    save_checkpoint(&store, &ahead, NOON + 24 * HOUR).await;

    begin(&*store, &ahead, NOON + 24 * HOUR).await.unwrap();
    assert_eq!(last_write_at(&store, &again, NOON + HOUR).await, Some(NOON), "it serves");
    end(&*store, &ahead).await.unwrap();
    assert_eq!(last_write_at(&store, &again, NOON + HOUR).await, Some(NOON), "it has stopped");
}

/// No later start is this node, so its checkpoint stays.
#[tokio::test]
async fn the_checkpoint_of_a_clock_that_was_far_ahead_hides_no_crash() {
    let (store, _) = store_and_keys();
    let [ahead, a, b] = ["ahead", "a", "b"].map(|id| StateKeys::of_node(id, id));
    save_checkpoint(&store, &ahead, NOON + 24 * HOUR).await;
    save_checkpoint(&store, &a, NOON).await;
    begin(&*store, &a, NOON + TEN).await.unwrap();

    for start in [&b, &StateKeys::of_node("c", "a")] {
        assert_eq!(last_write_at(&store, start, NOON + HOUR).await, Some(NOON + TEN));
    }
    // As far as the clocks of two nodes may differ it counts: the crash may be over.
    let wall = NOON + 23 * HOUR;
    assert_eq!(last_write_at(&store, &b, wall).await, None);
    assert_eq!(last_write_at(&store, &b, Time::from_unix_ms(wall.unix_ms() - 1)).await, Some(NOON + TEN));
}

#[tokio::test]
async fn a_wall_clock_that_is_far_behind_invents_no_crash_of_a_node_with_a_checkpoint() {
    let (store, _) = store_and_keys();
    let [a, b] = ["a", "b"].map(|id| StateKeys::of_node(id, id));
    begin(&*store, &a, NOON).await.unwrap();
    save_checkpoint(&store, &b, NOON + HOUR).await;

    let again = StateKeys::of_node("c", "b");
    assert_eq!(last_write_at(&store, &again, Time::EPOCH).await, None, "b has served since");
    let new = StateKeys::of_node("d", "d");
    assert_eq!(
        last_write_at(&store, &new, Time::EPOCH).await,
        Some(NOON),
        "which of the two is wrong is not known"
    );
}

/// The clock was ahead until the crash, and has been set since: its tokens have the times of that clock.
#[tokio::test]
async fn the_checkpoint_of_the_clock_from_which_a_process_continues_is_its_last_sign() {
    let (store, only) = store_and_keys();
    begin(&*store, &only, NOON + 24 * HOUR).await.unwrap();
    save_checkpoint(&store, &only, NOON + 25 * HOUR).await;

    assert_eq!(last_write_at(&store, &only, NOON).await, Some(NOON + 25 * HOUR));
}

/// Its mark has no time, and it saves the checkpoint of the only process.
#[tokio::test]
async fn the_crash_of_a_node_of_an_earlier_version_counts_until_another_one_has_served() {
    let (store, only) = store_and_keys();
    let [a, again] = ["a", "b"].map(|id| StateKeys::of_node(id, id));
    write(&*store, vec![Change::set_metadata(key(ONLY_PROCESS), vec![RUNNING])]).await.unwrap();
    save_checkpoint(&store, &only, NOON).await;

    begin(&*store, &a, NOON + TEN).await.unwrap();
    end(&*store, &a).await.unwrap();
    assert_eq!(last_write(&store, &again).await, Some(NOON), "it may have crashed");

    save_checkpoint(&store, &a, NOON + HOUR).await;
    assert_eq!(last_write(&store, &again).await, None, "it has ended long ago");
}

#[test]
fn a_sign_of_life_is_due_once_after_the_grace_period_of_the_last_rotation() {
    let due = |last_sign, now| is_sign_of_life_due(Some(NOON), last_sign, TEN, now);

    assert!(!due(NOON, NOON + TEN));
    assert!(due(NOON, NOON + 2 * TEN));
    assert!(due(NOON + TEN, NOON + 2 * TEN), "a sign within the grace period says nothing");
    assert!(!due(NOON + 2 * TEN, NOON + 7 * TEN));
    assert!(!is_sign_of_life_due(Some(NOON), NOON, Duration::ZERO, NOON + 5 * TEN));
}

#[test]
fn a_sign_of_life_is_due_each_minute_and_when_a_clock_that_was_ahead_is_accepted() {
    let due = |now| is_sign_of_life_due(None, NOON, TEN, now);

    assert!(!due(NOON) && !due(NOON + 5 * TEN));
    assert!(due(NOON + 6 * TEN));
    assert!(due(Time::from_unix_ms(NOON.unix_ms() - 1)));
}
