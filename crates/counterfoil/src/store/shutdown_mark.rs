//! The mark of a clean shutdown: a start without it follows a crash.

use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

use crate::clock::checkpoint;

/// The metadata key of the mark.
const CLEAN_SHUTDOWN: &str = "clean_shutdown:0";

/// The values of the mark.
const RUNNING: &[u8] = b"0";
const STOPPED: &[u8] = b"1";

/// The newest time that the former process wrote, if it crashed; `None` if it stopped cleanly.
///
/// It must be read before this process writes. The clock checkpoint counts too: on an idle server, a record can be much
/// older than the crash, and its used token would be valid again.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn last_write_before_crash(store: &dyn Store) -> Result<Option<Time>, StoreError> {
    if store.metadata(CLEAN_SHUTDOWN).await?.is_some_and(|mark| mark == STOPPED) {
        return Ok(None);
    }
    let checkpoint = checkpoint::saved(store).await?.unwrap_or_default();
    Ok(Some(store.newest_time().await?.max(checkpoint)))
}

/// Removes the mark: this process serves.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn clear(store: &dyn Store) -> Result<(), StoreError> {
    write(store, RUNNING).await
}

/// Marks the shutdown as clean.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn set(store: &dyn Store) -> Result<(), StoreError> {
    write(store, STOPPED).await
}

async fn write(store: &dyn Store, mark: &[u8]) -> Result<(), StoreError> {
    // The change has no precondition, so there is no conflict to handle.
    store.commit(&[Change::set_metadata(CLEAN_SHUTDOWN, mark.to_vec())].into()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use counterfoil_sqlite::SqliteStore;

    use super::*;
    use crate::clock::Clock;
    use crate::clock::manual::ManualClock;

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);

    #[tokio::test]
    async fn a_start_without_a_clean_shutdown_follows_a_crash() {
        let store = SqliteStore::in_memory().unwrap();
        clear(&*store).await.unwrap();
        assert!(last_write_before_crash(&*store).await.unwrap().is_some());

        set(&*store).await.unwrap();
        assert!(last_write_before_crash(&*store).await.unwrap().is_none());

        clear(&*store).await.unwrap();
        assert!(last_write_before_crash(&*store).await.unwrap().is_some(), "the mark counts for one start");
    }

    #[tokio::test]
    async fn the_clock_checkpoint_of_an_idle_server_is_a_write() {
        let store = SqliteStore::in_memory().unwrap();
        let clock = Clock::start(ManualClock::new(NOON), None, Time::EPOCH);
        checkpoint::save(&*store, &clock).await.unwrap();

        assert_eq!(last_write_before_crash(&*store).await.unwrap(), Some(NOON));
    }
}
