//! Writes the last-seen times of sessions in batches, so that no request waits for them.

use std::time::Duration;

use counterfoil_core::store::{LastSeen, Store, StoreError};

/// How long last-seen times are collected: those of one interval share commits and syncs of the disk.
pub(crate) const BATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The most sessions of one commit. After a restart every session is used within seconds, and logins must not
/// wait until all of them are written.
const BATCH_SIZE: usize = 500;

/// Writes the last-seen times that the cache has collected.
///
/// # Errors
///
/// If the store cannot be written. What was not written is dropped; the next use of each session, a minute
/// later, is written instead.
pub(crate) async fn write(store: &dyn Store, used: &[LastSeen]) -> Result<(), StoreError> {
    for batch in used.chunks(BATCH_SIZE) {
        store.record_last_seen(batch).await?;
    }
    Ok(())
}
