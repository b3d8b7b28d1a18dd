//! Where the store is, as one line of configuration says it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The address of a store: `sqlite:FILE`.
///
/// ```
/// use counterfoil::StoreUrl;
///
/// let store: StoreUrl = "sqlite:auth.db".parse()?;
/// assert_eq!(store.to_string(), "sqlite:auth.db");
/// assert!("mysql://db".parse::<StoreUrl>().is_err());
/// # Ok::<(), counterfoil::StoreUrlFault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// An SQLite database in this file, owned by one process.
    Sqlite(PathBuf),
}

/// A text that names no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is not an address like sqlite:auth.db")]
pub struct StoreUrlFault;

impl StoreUrl {
    /// The same store, by the one name that it has for every process, wherever that runs and whatever led to it.
    pub fn resolved(&self) -> Self {
        match self {
            Self::Sqlite(file) => {
                let absolute = || std::path::absolute(file).unwrap_or_else(|_| file.clone());
                Self::Sqlite(file.canonicalize().unwrap_or_else(|_| absolute()))
            }
        }
    }

    /// The file, if the store is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlFault;

    fn from_str(text: &str) -> Result<Self, StoreUrlFault> {
        let file = text.strip_prefix("sqlite:").ok_or(StoreUrlFault)?;
        // `sqlite://a` would be read as a host by one person and as a path by another.
        if file.is_empty() || file.starts_with("//") || file.starts_with(':') || file.contains('\0') {
            return Err(StoreUrlFault);
        }
        Ok(Self::Sqlite(PathBuf::from(file)))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_that_is_named() {
        let store: StoreUrl = "sqlite:/var/lib/auth.db".parse().unwrap();

        assert_eq!(store.file(), Some(Path::new("/var/lib/auth.db")));
        for bad in
            ["", "auth.db", "sqlite:", "sqlite://auth.db", "sqlite::memory:", "postgres://db", "SQLITE:a"]
        {
            assert_eq!(bad.parse::<StoreUrl>(), Err(StoreUrlFault), "{bad}");
        }
    }
}
