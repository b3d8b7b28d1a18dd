//! Finds the schemes of the stored password hashes and measures them, so that no refusal is faster than the slowest.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::sleep;

use counterfoil_core::credentials::password::PasswordHash;
use counterfoil_core::store::{Page, Store, StoreError};

use crate::passwords::hash_pool::HashPool;

/// The number of users that are read at a time, and the pause after it: a million users take twenty minutes and less than
/// one per cent of a core.
const PAGE_SIZE: u32 = 200;
const PAUSE: Duration = Duration::from_millis(250);

/// Reads all users, and measures each scheme whose time is not known: the first wrong guess for an imported name must not
/// take another time than later ones.
///
/// # Errors
///
/// If the users cannot be read.
pub(crate) async fn measure_stored_schemes(store: &dyn Store, pool: &HashPool) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let users = store.users(Page { after, limit: PAGE_SIZE }).await?;
        let is_last = users.len() < PAGE_SIZE as usize;
        after = users.last().map(|user| user.username.folded().to_owned());
        measure_schemes(pool, users.into_iter().filter_map(|user| user.password).collect()).await;
        if is_last {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

/// Measures the scheme of each of these hashes whose time is not known.
pub(crate) async fn measure_schemes(pool: &HashPool, hashes: Vec<PasswordHash>) {
    let mut schemes = HashSet::new();
    for hash in hashes {
        // If the queue is full, the next scan or the first login measures the scheme.
        if schemes.insert(hash.scheme()) && pool.measure_scheme(hash).await.is_err() {
            return;
        }
    }
}
