//! A file with the URL of the store: a password in it must not be in a configuration file.

use std::io;
use std::path::{Path, PathBuf};

use counterfoil_files::path_hint;

use crate::settings::secret_url_file::{SecretUrlFileError, read_secret_url};
use crate::settings::store_url::{StoreUrl, StoreUrlError};

/// The URL of the store cannot be read from a file. No variant contains the content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFileError {
    /// The file cannot be read.
    #[error("{} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// Other users can read the file.
    #[error("other users can read {}", .0.display())]
    NotSecret(PathBuf),
    /// The content is not the URL of a store.
    #[error("{} does not contain the URL of a store", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong with the URL.
        #[source]
        source: StoreUrlError,
    },
}

impl StoreFileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { file, source } => path_hint(file, source)
                .unwrap_or_else(|| "name a file that the user of this process may read".to_owned()),
            Self::NotSecret(file) => format!("chmod 600 {}", file.display()),
            Self::Invalid { .. } => {
                "write one line like postgres://USER:PASSWORD@HOST/DATABASE into it".to_owned()
            }
        }
    }
}

impl StoreUrl {
    /// Reads the URL of a store from the first line of a file that only its owner, and perhaps its group, can read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, other users can read it, or it contains no URL of a store.
    pub fn read_file(file: &Path) -> Result<Self, StoreFileError> {
        let text = read_secret_url(file).map_err(|error| match error {
            SecretUrlFileError::Unreadable(source) => {
                StoreFileError::Unreadable { file: file.to_owned(), source }
            }
            SecretUrlFileError::NotSecret => StoreFileError::NotSecret(file.to_owned()),
        })?;
        let line = text.expose();
        let url: Self =
            line.parse().map_err(|source| StoreFileError::Invalid { file: file.to_owned(), source })?;
        Ok(match url {
            Self::Postgres(url) => Self::Postgres(url.with_file(file)),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_url_is_read_from_a_file_that_other_users_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("store");
        fs::write(&file, "postgres://auth:swordfish@db.example/auth\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(StoreUrl::read_file(&file), Err(StoreFileError::NotSecret(_))));

        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            StoreUrl::read_file(&file).unwrap(),
            "postgres://auth:swordfish@db.example/auth".parse().unwrap()
        );

        fs::write(&file, "swordfish").unwrap();
        let error = StoreUrl::read_file(&file).unwrap_err();
        assert!(matches!(error, StoreFileError::Invalid { .. }));
        assert!(!format!("{error} {error:?} {}", error.hint()).contains("swordfish"));
        assert!(StoreUrl::read_file(&dir.path().join("absent")).is_err());
    }
}
