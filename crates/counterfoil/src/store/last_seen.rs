//! That sessions are used, written down: a second's worth at a time, and nobody waits for it.

use std::time::Duration;

use counterfoil_core::store::session_cache::SessionCache;
use counterfoil_core::store::{Store, StoreError};

/// How long a use may wait for others: they share a commit, and a sync of the disk.
pub(crate) const GATHERED: Duration = Duration::from_secs(1);

/// How many go at a time. After a restart every session is used for the first time within seconds, and no
/// login is to wait until all of them are written down.
const AT_A_TIME: usize = 500;

/// Writes down what `memory` has noted.
///
/// # Errors
///
/// If the store takes no writes. What was not written is forgotten: the next use of each session, a minute
/// later, is written instead.
pub(crate) async fn write(store: &dyn Store, memory: &SessionCache) -> Result<(), StoreError> {
    for uses in memory.take_uses().chunks(AT_A_TIME) {
        store.note_uses(uses).await?;
    }
    Ok(())
}
