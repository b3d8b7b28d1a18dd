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
#[non_exhaustive]
pub enum StoreUrlError {
    /// It has another form.
    #[error("the store must be a URL like sqlite:auth.db or postgres://auth@localhost/auth")]
    Malformed,
    /// It names a Redis or Valkey server. With its default settings a crash loses a second of acknowledged logins, and a
    /// failover revives sessions that have ended.
    #[error("sessions are not kept in Redis")]
    Redis,
}

impl StoreUrlError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Malformed => "use sqlite:FILE, or postgres://USER@HOST/DATABASE",
            Self::Redis => "use sqlite:FILE, which all processes of your application share, or postgres://",
        }
    }
}

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
        if ["redis:", "rediss:", "valkey:", "valkeys:"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(StoreUrlError::Redis);
        }
        let file = text.strip_prefix("sqlite:").ok_or(StoreUrlError::Malformed)?;
        // In `sqlite://a` it is unclear whether `a` is a host or a path.
        if file.is_empty() || file.starts_with("//") || file.starts_with(':') || file.contains('\0') {
            return Err(StoreUrlError::Malformed);
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
            assert_eq!(bad.parse::<StoreUrl>(), Err(StoreUrlError::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_redis_server_is_no_store() {
        for redis in ["redis://cache:6379/0", "rediss://cache", "valkey://cache"] {
            assert_eq!(redis.parse::<StoreUrl>(), Err(StoreUrlError::Redis), "{redis}");
        }
    }
}
