//! The one place that knows which store back ends exist.

use std::error::Error;
use std::fmt;
#[cfg(any(feature = "admin", feature = "postgres", feature = "redis"))]
use std::path::Path;
#[cfg(feature = "admin")]
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "admin")]
use counterfoil_core::store::check::StoreInspection;
#[cfg(feature = "admin")]
use counterfoil_core::store::copy::StoreTables;
use counterfoil_core::store::session_cache::shared::SharedSessionCache;
use counterfoil_core::store::{FileBackup, Store};
use counterfoil_jose::HmacKey;
#[cfg(all(feature = "admin", feature = "postgres"))]
use counterfoil_postgres::{Existence, PostgresInspection, PostgresTables};
#[cfg(feature = "postgres")]
use counterfoil_postgres::{PostgresStore, PostgresUrl};
#[cfg(feature = "redis")]
use counterfoil_redis::{RedisSessionCache, RedisUrl};
#[cfg(feature = "sqlite")]
use counterfoil_sqlite::SqliteStore;
#[cfg(feature = "admin")]
use counterfoil_sqlite::{SqliteInspection, SqliteTables};

use crate::app::App;
use crate::settings::Settings;
use crate::settings::cache_url::CacheUrl;
use crate::settings::store_url::StoreUrl;

#[cfg(feature = "admin")]
/// A backup that is prepared to replace the store.
pub(crate) type PendingRestore = counterfoil_sqlite::PendingRestore;

/// An error of a back end: the store cannot be opened, or a backup cannot replace it.
///
/// Its message and its causes are those of the back end.
#[derive(Debug)]
pub struct StoreBackendError {
    error: Box<dyn Error + Send + Sync>,
    hint: String,
}

impl StoreBackendError {
    /// What to do about it, as one sentence for the operator.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for StoreBackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for StoreBackendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

#[cfg(feature = "sqlite")]
fn open_error(error: counterfoil_sqlite::OpenError) -> StoreBackendError {
    StoreBackendError { hint: error.hint(), error: Box::new(error) }
}

#[cfg(feature = "admin")]
fn restore_error(error: counterfoil_sqlite::RestoreError) -> StoreBackendError {
    StoreBackendError { hint: error.hint(), error: Box::new(error) }
}

#[cfg(feature = "admin")]
fn of_a_database_server() -> StoreBackendError {
    StoreBackendError {
        error: "the store is in a database server, so no file replaces it".into(),
        hint: "put the database back with the tools of PostgreSQL, and then run `counterfoil restore --in-place`"
            .to_owned(),
    }
}

#[cfg(feature = "postgres")]
fn postgres_error(error: counterfoil_postgres::OpenError) -> StoreBackendError {
    StoreBackendError { hint: error.hint(), error: Box::new(error) }
}

/// The URL in the file, which may have another password now.
#[cfg(feature = "postgres")]
fn read_again(file: &Path) -> Option<PostgresUrl> {
    match StoreUrl::read_file(file) {
        Ok(StoreUrl::Postgres(url)) => url.expose().parse().ok(),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "the file with the URL of the store cannot be read again");
            None
        }
    }
}

#[cfg(not(feature = "postgres"))]
fn without_postgres() -> StoreBackendError {
    StoreBackendError {
        error: "the store is a PostgreSQL database, and this program was built without PostgreSQL".into(),
        hint: "Build it with the feature `postgres`, or give the builder another `Store`.".to_owned(),
    }
}

fn not_a_file() -> StoreBackendError {
    StoreBackendError {
        error: "the store belongs to an application".into(),
        hint: "only that application can open it: give the store to the builder of its Counterfoil"
            .to_owned(),
    }
}

#[cfg(not(feature = "sqlite"))]
fn without_sqlite() -> StoreBackendError {
    StoreBackendError {
        error: "the store is a SQLite file, and this program was built without SQLite".into(),
        hint: "Enable the feature `sqlite` of the crate `counterfoil`, or give the builder another `Store`."
            .to_owned(),
    }
}

fn cache_before_a_file() -> StoreBackendError {
    StoreBackendError {
        error: "a shared cache cannot be before a store in a file: one process holds its sessions exactly in memory"
            .into(),
        hint: "remove the cache, or use a store like postgres://USER@HOST/DATABASE".to_owned(),
    }
}

#[cfg(not(feature = "redis"))]
fn without_redis() -> StoreBackendError {
    StoreBackendError {
        error: "a cache in Redis is set, and this program was built without Redis".into(),
        hint: "build it with the feature `redis`, or remove the cache".to_owned(),
    }
}

#[cfg(feature = "redis")]
fn parse_redis_url(url: &CacheUrl) -> Result<RedisUrl, StoreBackendError> {
    let invalid = |error: counterfoil_redis::UrlError| StoreBackendError {
        hint: error.hint().to_owned(),
        error: format!("the URL of the cache cannot be used: {error}").into(),
    };
    url.expose().parse().map_err(invalid)
}

/// Checks the settings of the cache without a connection.
pub(crate) fn check_cache(settings: &Settings) -> Result<(), StoreBackendError> {
    match (&settings.cache, &settings.store) {
        (None, _) => Ok(()),
        (Some(_), StoreUrl::Sqlite(_)) => Err(cache_before_a_file()),
        #[cfg(feature = "redis")]
        (Some(url), StoreUrl::Postgres(_) | StoreUrl::Application) => parse_redis_url(url).map(drop),
        #[cfg(not(feature = "redis"))]
        (Some(_), StoreUrl::Postgres(_) | StoreUrl::Application) => Err(without_redis()),
    }
}

/// Starts to connect to the cache at `url`, whose values are authenticated with `key`.
#[cfg(feature = "redis")]
pub(crate) fn start_cache(
    url: &CacheUrl,
    key: HmacKey,
) -> Result<Arc<dyn SharedSessionCache>, StoreBackendError> {
    let file = url.file().map(Path::to_owned);
    let reload = move || match CacheUrl::read_file(file.as_deref()?) {
        Ok(url) => parse_redis_url(&url).ok(),
        Err(error) => {
            tracing::debug!(%error, "the file with the URL of the cache cannot be read again");
            None
        }
    };
    Ok(RedisSessionCache::start(parse_redis_url(url)?, key, reload))
}

/// Starts to connect to the cache at `url`, whose values are authenticated with `key`.
#[cfg(not(feature = "redis"))]
pub(crate) fn start_cache(
    _: &CacheUrl,
    _: HmacKey,
) -> Result<Arc<dyn SharedSessionCache>, StoreBackendError> {
    Err(without_redis())
}

/// An open store, and what its back end can do beyond the operations of every store.
pub(crate) struct OpenedStore {
    pub(crate) store: Arc<dyn Store>,
    /// Copies the file of the store. `None` if the store is not a file.
    pub(crate) file_backup: Option<Arc<dyn FileBackup>>,
}

/// Opens the store at `url` for a change that no server may see half: every other process is refused meanwhile.
#[cfg(feature = "admin")]
pub(crate) async fn open_store_alone(url: &StoreUrl) -> Result<Arc<dyn Store>, StoreBackendError> {
    #[cfg(feature = "postgres")]
    if let StoreUrl::Postgres(url) = url {
        let invalid = |error| postgres_error(counterfoil_postgres::OpenError::Url(error));
        let url: PostgresUrl = url.expose().parse().map_err(invalid)?;
        // Its future is large, and every command would contain it.
        return Ok(Box::pin(PostgresStore::open_alone(&url)).await.map_err(postgres_error)?);
    }
    // One process at a time opens a file.
    open_store(url, None).await.map(|opened| opened.store)
}

/// Opens or creates the store at `url`, or takes the store of the application.
pub(crate) async fn open_store(
    url: &StoreUrl,
    of_application: Option<Arc<dyn Store>>,
) -> Result<OpenedStore, StoreBackendError> {
    match url {
        StoreUrl::Application => {
            let store = of_application.ok_or_else(not_a_file)?;
            Ok(OpenedStore { store, file_backup: None })
        }
        #[cfg(not(feature = "postgres"))]
        StoreUrl::Postgres(_) => Err(without_postgres()),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => {
            let file = url.file().map(Path::to_owned);
            let invalid = |error| postgres_error(counterfoil_postgres::OpenError::Url(error));
            let url: PostgresUrl = url.expose().parse().map_err(invalid)?;
            let reload = move || read_again(file.as_deref()?);
            // Its future is large, and every command would contain it.
            let store =
                Box::pin(PostgresStore::open_with_reload(&url, reload)).await.map_err(postgres_error)?;
            Ok(OpenedStore { store, file_backup: None })
        }
        #[cfg(not(feature = "sqlite"))]
        StoreUrl::Sqlite(_) => Err(without_sqlite()),
        #[cfg(feature = "sqlite")]
        StoreUrl::Sqlite(file) => {
            let store = SqliteStore::open(file).map_err(open_error)?;
            Ok(OpenedStore { file_backup: Some(Arc::clone(&store) as _), store })
        }
    }
}

/// Opens the tables of the store at `url` for a copy. Nothing else may use it meanwhile. A store that is missing is created
/// if it may be.
#[cfg(feature = "admin")]
pub(crate) async fn open_tables(
    url: &StoreUrl,
    may_create: bool,
) -> Result<Box<dyn StoreTables>, StoreBackendError> {
    match url {
        StoreUrl::Application => Err(not_a_file()),
        StoreUrl::Sqlite(file) if !may_create && !SqliteStore::exists(file) => Err(missing(file)),
        StoreUrl::Sqlite(file) => Ok(Box::new(SqliteTables::open(file).map_err(open_error)?)),
        #[cfg(not(feature = "postgres"))]
        StoreUrl::Postgres(_) => Err(without_postgres()),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => {
            let invalid = |error| postgres_error(counterfoil_postgres::OpenError::Url(error));
            let url: PostgresUrl = url.expose().parse().map_err(invalid)?;
            let existence = if may_create { Existence::CreateIfMissing } else { Existence::Required };
            // Its future is large, and every command would contain it.
            let tables = Box::pin(PostgresTables::open(&url, existence)).await.map_err(postgres_error)?;
            Ok(Box::new(tables))
        }
    }
}

/// Opens the store at `url` to read it in one snapshot. A server may use it meanwhile.
#[cfg(feature = "admin")]
pub(crate) async fn open_inspection(url: &StoreUrl) -> Result<Box<dyn StoreInspection>, StoreBackendError> {
    match url {
        StoreUrl::Application => Err(not_a_file()),
        StoreUrl::Sqlite(file) if !SqliteStore::exists(file) => Err(missing(file)),
        StoreUrl::Sqlite(file) => Ok(Box::new(SqliteInspection::open(file).map_err(open_error)?)),
        #[cfg(not(feature = "postgres"))]
        StoreUrl::Postgres(_) => Err(without_postgres()),
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => {
            let invalid = |error| postgres_error(counterfoil_postgres::OpenError::Url(error));
            let url: PostgresUrl = url.expose().parse().map_err(invalid)?;
            Ok(Box::new(PostgresInspection::open(&url).await.map_err(postgres_error)?))
        }
    }
}

/// What can be lost although it was confirmed, and how to avoid it, if the database server at `url` can be asked.
#[cfg(feature = "admin")]
pub(crate) async fn durability_warning(url: &StoreUrl) -> Option<(&'static str, &'static str)> {
    match url {
        // The file is synced before a commit is confirmed.
        StoreUrl::Sqlite(_) | StoreUrl::Application => None,
        #[cfg(not(feature = "postgres"))]
        StoreUrl::Postgres(_) => None,
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => {
            let warning = counterfoil_postgres::durability_warning(&url.expose().parse().ok()?).await?;
            Some((warning.message(), warning.hint()))
        }
    }
}

#[cfg(feature = "admin")]
fn missing(file: &Path) -> StoreBackendError {
    StoreBackendError {
        error: format!("there is no store in {}", file.display()).into(),
        hint: "name the file of an existing store".to_owned(),
    }
}

#[cfg(feature = "admin")]
/// Copies `backup` next to the store at `url`, and checks the copy.
pub(crate) fn prepare_restore(url: &StoreUrl, backup: &Path) -> Result<PendingRestore, StoreBackendError> {
    match url {
        StoreUrl::Sqlite(file) => PendingRestore::prepare(backup, file).map_err(restore_error),
        StoreUrl::Postgres(_) => Err(of_a_database_server()),
        StoreUrl::Application => Err(not_a_file()),
    }
}

#[cfg(feature = "admin")]
/// Replaces the store with the prepared backup. Returns where the previous database is kept, if there was
/// one.
pub(crate) async fn install_restore(restore: PendingRestore) -> Result<Option<PathBuf>, StoreBackendError> {
    restore.install().await.map_err(restore_error)
}

impl App {
    /// Whether the store of `settings` exists. If not, opening creates it. A database server is not asked: it counts as one
    /// that has the store.
    pub fn store_exists(settings: &Settings) -> bool {
        match &settings.store {
            #[cfg(feature = "sqlite")]
            StoreUrl::Sqlite(file) => SqliteStore::exists(file),
            // Opening it is an error.
            #[cfg(not(feature = "sqlite"))]
            StoreUrl::Sqlite(_) => false,
            StoreUrl::Postgres(_) => true,
            // The application has opened it.
            StoreUrl::Application => true,
        }
    }
}
