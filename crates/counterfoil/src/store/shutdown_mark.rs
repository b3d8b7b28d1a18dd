//! The mark of a clean shutdown: a start without it follows a crash, whose time is bounded by what the process wrote.
//!
//! Of several nodes each process has its own mark, so that the clean shutdown of one does not hide the crash of another. It is
//! there as long as the process serves, and stays if the process crashes.

use std::time::Duration;

use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

use crate::clock::checkpoint;
use crate::clock::state_keys::{ONLY_PROCESS, StateKeys};

/// The metadata keys of the marks begin with this; the process follows.
const CLEAN_SHUTDOWN: &str = "clean_shutdown:";

/// The first byte of the mark while a process serves. The time of its last sign of life follows.
const RUNNING: u8 = b'0';
/// The mark of the only process of a store after a clean shutdown.
const STOPPED: &[u8] = b"1";

/// The longest time between two signs of life of a node, which writes one each minute, and some more for clocks that differ.
const MAX_SIGN_INTERVAL: Duration = Duration::from_secs(2 * 60);

/// How long the mark of a process that does not come back is kept.
const RETENTION: Duration = Duration::from_secs(60 * 60);

/// The mark of a process: whose it is, and its value.
type Mark = (String, Vec<u8>);

/// The newest time that a former process wrote, if it crashed; `None` if all stopped cleanly.
///
/// It must be read before this process writes. The clock checkpoints and the marks count too: on an idle server, a record can
/// be much older than the crash, and its used token would be valid again.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn last_write_before_crash(
    store: &dyn Store,
    keys: &StateKeys,
    grace: Duration,
) -> Result<Option<Time>, StoreError> {
    let (marks, checkpoints) = (marks(store).await?, checkpoint::saved(store).await?);
    let times =
        checkpoints.iter().map(|(_, time)| *time).chain(marks.iter().map(|(_, mark)| sign_of_life(mark)));
    let last_write = store.newest_time().await?.max(times.max().unwrap_or_default());
    let has_crashed = match keys.is_only_process() {
        true => !marks.iter().any(|(owner, mark)| owner == ONLY_PROCESS && mark == STOPPED),
        false => marks.iter().any(|mark| has_crashed_lately(mark, &checkpoints, last_write, grace)),
    };
    Ok(has_crashed.then_some(last_write))
}

/// Whether a process has crashed, or still serves, and no other one has served since for longer than the grace period. If one
/// has, a client whose response was lost could repeat its request there, and used tokens of that time stay used.
fn has_crashed_lately(
    (owner, mark): &Mark,
    checkpoints: &[(String, Time)],
    last_write: Time,
    grace: Duration,
) -> bool {
    // The mark of the only process of a store that was moved here is older than its checkpoint.
    let is_its_checkpoint = |(of, _): &&(String, Time)| of == ONLY_PROCESS && owner == ONLY_PROCESS;
    let checkpoint = checkpoints.iter().find(is_its_checkpoint).map(|(_, time)| *time);
    let last_sign = sign_of_life(mark).max(checkpoint.unwrap_or_default());
    mark != STOPPED && last_sign + MAX_SIGN_INTERVAL + grace >= last_write
}

/// The time in the mark of a process that serves. The mark of an earlier version has none.
fn sign_of_life(mark: &[u8]) -> Time {
    let ms = mark.split_first().filter(|(first, _)| **first == RUNNING).map(|(_, ms)| ms);
    let ms = ms.and_then(|ms| ms.try_into().ok()).map(u64::from_be_bytes);
    ms.map_or(Time::EPOCH, Time::from_unix_ms)
}

/// Sets the mark of this process: it serves at `now`. A crash that follows is not earlier. Removes the marks of processes that
/// crashed long ago.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn begin(store: &dyn Store, keys: &StateKeys, now: Time) -> Result<(), StoreError> {
    let is_old = |(owner, mark): &Mark| owner != keys.process() && sign_of_life(mark) + RETENTION < now;
    let old = marks(store).await?.into_iter().filter(is_old);
    let removals = old.map(|(owner, _)| Change::remove_metadata(key(&owner)));
    write(store, removals.chain([running(keys, now)]).collect()).await
}

/// Writes a sign of life: this process serves at `now`.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn write_sign_of_life(
    store: &dyn Store,
    keys: &StateKeys,
    now: Time,
) -> Result<(), StoreError> {
    write(store, vec![running(keys, now)]).await
}

/// Marks the shutdown as clean.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn end(store: &dyn Store, keys: &StateKeys) -> Result<(), StoreError> {
    let key = key(keys.process());
    let change = match keys.is_only_process() {
        true => Change::set_metadata(key, STOPPED.to_vec()),
        // A node draws another id at its next start.
        false => Change::remove_metadata(key),
    };
    write(store, vec![change]).await
}

/// Whether a sign of life is due: the grace period of the last rotation has passed, and nothing says so yet. After a crash
/// the used token of that rotation would otherwise be valid again, however long ago it was used. While tokens are rotated,
/// each rotation is a sign of life itself.
pub(crate) fn is_sign_of_life_due(last_rotation: Time, last_sign: Time, grace: Duration, now: Time) -> bool {
    let over = last_rotation + grace;
    !grace.is_zero() && last_sign <= over && now > over
}

fn running(keys: &StateKeys, now: Time) -> Change {
    let mut mark = vec![RUNNING];
    mark.extend(now.unix_ms().to_be_bytes());
    Change::set_metadata(key(keys.process()), mark)
}

fn key(process: &str) -> String {
    format!("{CLEAN_SHUTDOWN}{process}")
}

async fn marks(store: &dyn Store) -> Result<Vec<Mark>, StoreError> {
    let found = store.metadata_with_prefix(CLEAN_SHUTDOWN).await?.into_iter();
    Ok(found.map(|(key, mark)| (key[CLEAN_SHUTDOWN.len()..].to_owned(), mark)).collect())
}

async fn write(store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
    // The changes have no precondition, so there is no conflict to handle.
    store.commit(&changes.into()).await.map(drop)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use counterfoil_sqlite::SqliteStore;

    use super::*;
    use crate::clock::Clock;
    use crate::clock::manual::ManualClock;

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
    const TEN: Duration = Duration::from_secs(10);
    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn store_and_keys() -> (std::sync::Arc<SqliteStore>, StateKeys) {
        let store = SqliteStore::in_memory().unwrap();
        let keys = StateKeys::new(&*store, "node");
        (store, keys)
    }

    async fn last_write(store: &SqliteStore, keys: &StateKeys) -> Option<Time> {
        last_write_before_crash(store, keys, TEN).await.unwrap()
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

    #[tokio::test]
    async fn the_marks_of_processes_that_do_not_come_back_are_removed() {
        let (store, _) = store_and_keys();
        let [a, b] = ["a", "b"].map(|id| StateKeys::of_node(id, "node"));
        begin(&*store, &a, NOON).await.unwrap();
        begin(&*store, &b, NOON + HOUR).await.unwrap();
        assert_eq!(marks(&*store).await.unwrap().len(), 2);

        begin(&*store, &b, NOON + HOUR + TEN).await.unwrap();

        assert_eq!(marks(&*store).await.unwrap().iter().map(|(owner, _)| owner).collect::<Vec<_>>(), ["b"]);
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

    #[test]
    fn a_sign_of_life_is_due_once_after_the_grace_period_of_the_last_rotation() {
        let due = |last_sign, now| is_sign_of_life_due(NOON, last_sign, TEN, now);

        assert!(!due(Time::EPOCH, NOON + TEN));
        assert!(due(Time::EPOCH, NOON + 2 * TEN));
        assert!(due(NOON + TEN, NOON + 2 * TEN), "a sign within the grace period says nothing");
        assert!(!due(NOON + 2 * TEN, NOON + 9 * TEN));
        assert!(!is_sign_of_life_due(NOON, Time::EPOCH, Duration::ZERO, NOON + 9 * TEN));
    }
}
