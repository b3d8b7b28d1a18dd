//! Checks a whole store, also while a server uses it.

use counterfoil_core::store::StoreError;

use crate::app::backend::{self, StoreBackendError, open_inspection};
use crate::keys::master_key::ResolvedMasterKey;
use crate::settings::Settings;
use crate::settings::store_url::StoreUrl;
use crate::store::check::{self, CheckedStore};

/// A store cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreCheckError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] StoreBackendError),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreCheckError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => Some(error.hint().to_owned()),
            Self::Store(_) => None,
        }
    }
}

/// Reads the whole store of `settings` in one snapshot, and lists what is wrong with it. Nothing is changed. `report` gets
/// the number of rows of each part and of all. Without a master key the keys are not decrypted.
///
/// # Errors
///
/// If the store cannot be read.
pub async fn check_store(
    settings: &Settings,
    report: &(dyn Fn(u64, u64) + Sync),
) -> Result<CheckedStore, StoreCheckError> {
    let master_key = match settings.master_key.resolve(settings.default_master_key_file()) {
        Ok(ResolvedMasterKey::Found(key, _)) => Some(key),
        Ok(ResolvedMasterKey::ToCreate(_)) | Err(_) => None,
    };
    let mut store = open_inspection(&settings.store).await?;
    Ok(check::check(&mut *store, master_key.as_ref(), report).await?)
}

/// What the server of the store can lose although it was confirmed, and how to avoid that; `None` if nothing, or if the
/// server cannot be asked now.
pub async fn durability_warning(store: &StoreUrl) -> Option<(&'static str, &'static str)> {
    backend::durability_warning(store).await
}
