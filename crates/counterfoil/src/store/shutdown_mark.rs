//! The mark of a clean shutdown: a start without it follows a crash.

use counterfoil_core::model::session::Crash;
use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

/// The metadata key of the mark.
const CLEAN_SHUTDOWN: &str = "clean_shutdown:0";

/// The values of the mark.
const RUNNING: &[u8] = b"0";
const STOPPED: &[u8] = b"1";

/// The crash of the former process; `None` if it stopped cleanly or there was none. Removes the mark.
///
/// `now` is the start of serving.
///
/// # Errors
///
/// If the store cannot be read or written.
pub(crate) async fn take(store: &dyn Store, now: Time) -> Result<Option<Crash>, StoreError> {
    let has_stopped = store.metadata(CLEAN_SHUTDOWN).await?.is_some_and(|mark| mark == STOPPED);
    let last_write = store.newest_time().await?;
    write(store, RUNNING).await?;
    Ok((!has_stopped).then_some(Crash { last_write, serving_since: now }))
}

/// Marks the shutdown as clean: every response of this process was sent.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn set(store: &dyn Store) -> Result<(), StoreError> {
    write(store, STOPPED).await
}

async fn write(store: &dyn Store, mark: &[u8]) -> Result<(), StoreError> {
    // The change has no precondition, so there is no conflict to handle.
    store.commit(&[Change::SetMetadata(CLEAN_SHUTDOWN, mark.to_vec())]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use counterfoil_sqlite::SqliteStore;

    use super::*;

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);

    #[tokio::test]
    async fn a_start_without_a_clean_shutdown_follows_a_crash() {
        let store = SqliteStore::in_memory().unwrap();
        take(&*store, NOON).await.unwrap();

        assert!(take(&*store, NOON).await.unwrap().is_some());
        set(&*store).await.unwrap();
        assert!(take(&*store, NOON).await.unwrap().is_none());
        assert!(take(&*store, NOON).await.unwrap().is_some(), "the mark counts for one start");
    }
}
