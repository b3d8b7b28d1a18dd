//! Where an embedded Counterfoil keeps its records: a URL, or a store that the application has opened.

use std::sync::Arc;

use counterfoil_core::store::Store;

/// The store of a [`CounterfoilBuilder`](crate::CounterfoilBuilder): a URL such as `sqlite:auth.db`, or a [`Store`] that
/// the application has opened.
///
/// With a store of its own the application also says where the master key is: with a data directory, or with a source.
/// [`Counterfoil::close`](crate::Counterfoil::close) closes the store. The command line cannot administer it.
///
/// ```
/// use counterfoil::Counterfoil;
/// use counterfoil_sqlite::SqliteStore;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let data_dir = dir.path().join("data");
/// let auth = Counterfoil::builder()
///     .store(SqliteStore::in_memory()?)
///     .configure(move |settings| settings.data_dir = Some(data_dir))
///     .open()
///     .await?;
/// auth.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct StoreSource(pub(super) StoreSourceKind);

/// The kinds of [`StoreSource`].
pub(super) enum StoreSourceKind {
    Url(String),
    Open(Arc<dyn Store>),
}

impl From<&str> for StoreSource {
    fn from(url: &str) -> Self {
        Self(StoreSourceKind::Url(url.to_owned()))
    }
}

impl From<String> for StoreSource {
    fn from(url: String) -> Self {
        Self(StoreSourceKind::Url(url))
    }
}

impl From<Arc<dyn Store>> for StoreSource {
    fn from(store: Arc<dyn Store>) -> Self {
        Self(StoreSourceKind::Open(store))
    }
}

impl<S: Store> From<Arc<S>> for StoreSource {
    fn from(store: Arc<S>) -> Self {
        Self(StoreSourceKind::Open(store))
    }
}
