//! The mark of a clean shutdown: a start without it follows a crash, whose time is bounded by what the process wrote.

use std::time::Duration;

use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

use crate::clock::checkpoint;

/// The metadata key of the mark.
const CLEAN_SHUTDOWN: &str = "clean_shutdown:0";

/// The first byte of the mark while a process serves. The time of its last sign of life follows.
const RUNNING: u8 = b'0';
/// The mark after a clean shutdown.
const STOPPED: &[u8] = b"1";

/// The newest time that the former process wrote, if it crashed; `None` if it stopped cleanly.
///
/// It must be read before this process writes. The clock checkpoint and the mark count too: on an idle server, a record can
/// be much older than the crash, and its used token would be valid again.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn last_write_before_crash(store: &dyn Store) -> Result<Option<Time>, StoreError> {
    let mark = store.metadata(CLEAN_SHUTDOWN).await?.unwrap_or_default();
    if mark == STOPPED {
        return Ok(None);
    }
    let checkpoint = checkpoint::saved(store).await?.unwrap_or_default();
    Ok(Some(store.newest_time().await?.max(checkpoint).max(sign_of_life(&mark))))
}

/// The time in the mark of a process that serves. The mark of an earlier version has none.
fn sign_of_life(mark: &[u8]) -> Time {
    let ms = mark.split_first().filter(|(first, _)| **first == RUNNING).map(|(_, ms)| ms);
    let ms = ms.and_then(|ms| ms.try_into().ok()).map(u64::from_be_bytes);
    ms.map_or(Time::EPOCH, Time::from_unix_ms)
}

/// Replaces the mark: this process serves at `now`. A crash that follows is not earlier.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn clear(store: &dyn Store, now: Time) -> Result<(), StoreError> {
    let mut mark = vec![RUNNING];
    mark.extend(now.unix_ms().to_be_bytes());
    write(store, mark).await
}

/// Marks the shutdown as clean.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn set(store: &dyn Store) -> Result<(), StoreError> {
    write(store, STOPPED.to_vec()).await
}

/// Whether a sign of life is due: the grace period of the last rotation has passed, and nothing says so yet. After a crash
/// the used token of that rotation would otherwise be valid again, however long ago it was used. While tokens are rotated,
/// each rotation is a sign of life itself.
pub(crate) fn is_sign_of_life_due(last_rotation: Time, last_sign: Time, grace: Duration, now: Time) -> bool {
    let over = last_rotation + grace;
    !grace.is_zero() && last_sign <= over && now > over
}

async fn write(store: &dyn Store, mark: Vec<u8>) -> Result<(), StoreError> {
    // The change has no precondition, so there is no conflict to handle.
    store.commit(&[Change::set_metadata(CLEAN_SHUTDOWN, mark)].into()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use counterfoil_sqlite::SqliteStore;

    use super::*;
    use crate::clock::Clock;
    use crate::clock::manual::ManualClock;

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
    const TEN: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_start_without_a_clean_shutdown_follows_a_crash() {
        let store = SqliteStore::in_memory().unwrap();
        clear(&*store, NOON).await.unwrap();
        assert!(last_write_before_crash(&*store).await.unwrap().is_some());

        set(&*store).await.unwrap();
        assert!(last_write_before_crash(&*store).await.unwrap().is_none());

        clear(&*store, NOON).await.unwrap();
        assert!(last_write_before_crash(&*store).await.unwrap().is_some(), "the mark counts for one start");
    }

    #[tokio::test]
    async fn the_clock_checkpoint_of_an_idle_server_is_a_write() {
        let store = SqliteStore::in_memory().unwrap();
        let clock = Clock::start(ManualClock::new(NOON), None, Time::EPOCH);
        checkpoint::save(&*store, &clock).await.unwrap();

        assert_eq!(last_write_before_crash(&*store).await.unwrap(), Some(NOON));
    }

    #[tokio::test]
    async fn the_start_of_a_process_that_wrote_nothing_is_its_last_sign_of_life() {
        let store = SqliteStore::in_memory().unwrap();
        clear(&*store, NOON).await.unwrap();
        assert_eq!(last_write_before_crash(&*store).await.unwrap(), Some(NOON));

        write(&*store, vec![RUNNING]).await.unwrap();
        assert_eq!(last_write_before_crash(&*store).await.unwrap(), Some(Time::EPOCH), "an earlier version");
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
