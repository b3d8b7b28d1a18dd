//! What an administrator changes: users, clients, admin keys, and what is revoked.
//!
//! Each act is one commit: the record, what it kills and the line of the journal that says who did it. Whether
//! somebody may administer is judged before; nothing here asks.

mod admin_keys;
mod clients;
mod revocations;
mod users;

use std::sync::Arc;

use crate::services::keys::keyring::Keyring;
use crate::services::revoker::RevocationRetention;
use crate::store::{Store, StoreError};

pub use clients::ClientChange;
pub use revocations::RevocationResult;
pub use users::{UserChange, validate_roles};

/// Under which name the longest life of any access token that was ever allowed is kept.
const MAX_ACCESS_LIFETIME: &str = "longest_access";

/// Changes what others are judged by.
pub struct Administration {
    store: Arc<dyn Store>,
    retention: Arc<RevocationRetention>,
    keys: Arc<Keyring>,
}

impl Administration {
    /// Administers what `store` keeps.
    pub fn new(store: Arc<dyn Store>, keys: Arc<Keyring>, retention: Arc<RevocationRetention>) -> Self {
        Self { store, retention, keys }
    }
}

/// The horizon of an installation: the longest that its clients let an access token live or ever did, and at
/// least `min_lifetime`, for tokens that no client's lifetimes bound.
///
/// # Errors
///
/// If the store could not be read.
pub async fn load_retention(
    store: &dyn Store,
    min_lifetime: std::time::Duration,
) -> Result<RevocationRetention, StoreError> {
    let retention = RevocationRetention::new(min_lifetime);
    if let Some(seconds) = store.metadata(MAX_ACCESS_LIFETIME).await?.and_then(|bytes| bytes.try_into().ok())
    {
        retention.raise_to(std::time::Duration::from_secs(u64::from_be_bytes(seconds)));
    }
    clients::raise_by_all_clients(store, &retention).await?;
    Ok(retention)
}
