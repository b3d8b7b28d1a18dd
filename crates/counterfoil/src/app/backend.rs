//! The one place that knows which store back ends exist.

use std::path::Path;
use std::sync::Arc;

use counterfoil_core::store::Store;
use counterfoil_sqlite::SqliteStore;

use crate::app::App;
use crate::settings::Settings;
use crate::settings::store_url::StoreUrl;

/// The reason why the store cannot be opened.
pub(crate) type StoreOpenError = counterfoil_sqlite::OpenError;
/// A backup that is prepared to replace the store.
pub(crate) type PendingRestore = counterfoil_sqlite::PendingRestore;
/// The reason why a backup cannot replace the store.
pub(crate) type StoreRestoreError = counterfoil_sqlite::RestoreError;

/// Opens or creates the store at `url`.
pub(super) fn open_store(url: &StoreUrl) -> Result<Arc<dyn Store>, StoreOpenError> {
    match url {
        StoreUrl::Sqlite(file) => SqliteStore::open(file).map(|store| store as Arc<dyn Store>),
    }
}

/// Copies `backup` next to the store at `url`, and checks the copy.
pub(crate) fn prepare_restore(url: &StoreUrl, backup: &Path) -> Result<PendingRestore, StoreRestoreError> {
    match url {
        StoreUrl::Sqlite(file) => PendingRestore::prepare(backup, file),
    }
}

impl App {
    /// Whether the store of `settings` exists. If not, opening creates it.
    pub fn store_exists(settings: &Settings) -> bool {
        match &settings.store {
            StoreUrl::Sqlite(file) => SqliteStore::exists(file),
        }
    }
}
