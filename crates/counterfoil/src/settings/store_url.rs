//! Which store an installation uses: the URL `sqlite:FILE` or `postgres://…`, or a store of the application.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::settings::database_url::DatabaseUrl;

/// The URL of a store: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`.
///
/// ```
/// use counterfoil::StoreUrl;
///
/// let store: StoreUrl = "sqlite:auth.db".parse()?;
/// assert_eq!(store.to_string(), "sqlite:auth.db");
/// assert!("mysql://db".parse::<StoreUrl>().is_err());
/// # Ok::<(), counterfoil::StoreUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// An SQLite database in this file, owned by one process.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(DatabaseUrl),
    /// A store that the application has opened itself and given to
    /// [`CounterfoilBuilder::store`](crate::CounterfoilBuilder::store). No text is parsed as this.
    Application,
}

/// A text is not the URL of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store must be a URL like sqlite:auth.db or postgres://auth@localhost/auth")]
pub struct StoreUrlError;

impl StoreUrl {
    /// The same store with the canonical path of its file, or the absolute path if the file does not exist. It is the
    /// same for every process, whatever its working directory and the symbolic links to the file.
    pub fn resolved(&self) -> Self {
        match self {
            Self::Application => Self::Application,
            Self::Postgres(url) => Self::Postgres(url.clone()),
            Self::Sqlite(file) => {
                let absolute = || std::path::absolute(file).unwrap_or_else(|_| file.clone());
                Self::Sqlite(file.canonicalize().unwrap_or_else(|_| absolute()))
            }
        }
    }

    /// The file, if the store is a file.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            Self::Postgres(_) | Self::Application => None,
        }
    }

    /// Whether its text contains a password, which does not belong into a configuration file.
    pub fn has_password(&self) -> bool {
        match self {
            Self::Postgres(url) => url.has_password(),
            Self::Sqlite(_) | Self::Application => false,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        if DatabaseUrl::is_one(text) {
            return Ok(Self::Postgres(DatabaseUrl::new(text)));
        }
        let file = text.strip_prefix("sqlite:").ok_or(StoreUrlError)?;
        // In `sqlite://a` it is unclear whether `a` is a host or a path.
        if file.is_empty() || file.starts_with("//") || file.starts_with(':') || file.contains('\0') {
            return Err(StoreUrlError);
        }
        Ok(Self::Sqlite(PathBuf::from(file)))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
            Self::Postgres(url) => url.fmt(f),
            Self::Application => f.write_str("a store of the application"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_names_an_sqlite_file() {
        let store: StoreUrl = "sqlite:/var/lib/auth.db".parse().unwrap();

        assert_eq!(store.file(), Some(Path::new("/var/lib/auth.db")));
        for bad in ["", "auth.db", "sqlite:", "sqlite://auth.db", "sqlite::memory:", "mysql://db", "SQLITE:a"]
        {
            assert_eq!(bad.parse::<StoreUrl>(), Err(StoreUrlError), "{bad}");
        }
    }
}
