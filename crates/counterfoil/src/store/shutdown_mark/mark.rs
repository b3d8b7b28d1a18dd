//! A mark, as it is stored in the metadata.

use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

/// The metadata keys of the marks begin with this; the process follows.
const CLEAN_SHUTDOWN: &str = "clean_shutdown:";

/// The first byte of the mark while a process serves. The time of its last sign of life follows.
pub(super) const RUNNING: u8 = b'0';
/// The mark of the only process of a store after a clean shutdown.
pub(super) const STOPPED: &[u8] = b"1";

/// The mark of a process: whose it is, and its value.
pub(super) type Mark = (String, Vec<u8>);

/// The time in the mark of a process that serves. The mark of an earlier version has none.
pub(super) fn sign_of_life(mark: &[u8]) -> Time {
    let ms = mark.split_first().filter(|(first, _)| **first == RUNNING).map(|(_, ms)| ms);
    let ms = ms.and_then(|ms| ms.try_into().ok()).map(u64::from_be_bytes);
    ms.map_or(Time::EPOCH, Time::from_unix_ms)
}

/// Sets the mark of a process that serves at `now`.
pub(super) fn running(process: &str, now: Time) -> Change {
    let mut mark = vec![RUNNING];
    mark.extend(now.unix_ms().to_be_bytes());
    Change::set_metadata(key(process), mark)
}

/// The metadata key of the mark of a process.
pub(super) fn key(process: &str) -> String {
    format!("{CLEAN_SHUTDOWN}{process}")
}

/// The marks of all processes.
pub(super) async fn marks(store: &dyn Store) -> Result<Vec<Mark>, StoreError> {
    let found = store.metadata_with_prefix(CLEAN_SHUTDOWN).await?.into_iter();
    Ok(found.map(|(key, mark)| (key[CLEAN_SHUTDOWN.len()..].to_owned(), mark)).collect())
}

/// Commits changes of marks.
pub(super) async fn write(store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    // The changes have no precondition, so there is no conflict to handle.
    store.commit(&changes.into()).await.map(drop)
}
