//! The master key of a store: found, created, or taken from a replacement that was interrupted.

use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::services::keys::active_keys::opens_all;
use counterfoil_core::store::Store;
use counterfoil_jose::SealingKey;

use crate::app::error::OpenError;
use crate::keys::master_key::ResolvedMasterKey;
use crate::keys::master_key_file::{self, MasterKeyError};
use crate::keys::master_key_rotation::PendingMasterKey;

/// The master key that was found, or a new one if no key in the store is encrypted. This process holds the
/// lock of the store, so no other process creates a key at the same time.
pub(super) async fn load_or_create(
    store: &dyn Store,
    resolved: ResolvedMasterKey,
) -> Result<SealingKey, OpenError> {
    match resolved {
        ResolvedMasterKey::Found(key, None) => Ok(key),
        ResolvedMasterKey::Found(key, Some(pending)) => choose(&store.keys().await?, key, pending),
        ResolvedMasterKey::ToCreate(file) if store.keys().await?.is_empty() => {
            Ok(master_key_file::create(&file)?)
        }
        ResolvedMasterKey::ToCreate(file) => Err(MasterKeyError::Missing { file }.into()),
    }
}

/// Chooses the master key that decrypts the stored keys after an interrupted replacement, and completes or
/// reverts the replacement.
fn choose(stored: &[KeyRecord], key: SealingKey, pending: PendingMasterKey) -> Result<SealingKey, OpenError> {
    if opens_all(stored, &key) {
        pending.discard();
        return Ok(key);
    }
    if !opens_all(stored, pending.key()) {
        // Neither key decrypts the store; loading the keys will report that.
        return Ok(key);
    }
    let newest = stored.iter().map(|key| key.changed_at).max().unwrap_or_default();
    let new = pending.key().clone();
    let old_file = pending.activate(newest)?;
    tracing::warn!(
        old_file = %old_file.display(),
        "the replacement of the master key was interrupted; it is completed now"
    );
    Ok(new)
}
