//! A file with the URL of the store: a password in it must not be in a configuration file.

use std::path::{Path, PathBuf};

use crate::fs::secret_url_file::{SecretUrlFileError, read_secret_url};
use crate::settings::store_url::{StoreUrl, StoreUrlError};

/// The URL of the store cannot be read from a file. No variant contains the content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFileError {
    /// The file cannot be read, or others can read it.
    #[error(transparent)]
    File(#[from] SecretUrlFileError),
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
            Self::File(error) => error.hint(),
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
        let text = read_secret_url(file)?;
        let invalid = |source| StoreFileError::Invalid { file: file.to_owned(), source };
        let url: Self = text.expose().parse().map_err(invalid)?;
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
        assert!(matches!(
            StoreUrl::read_file(&file),
            Err(StoreFileError::File(SecretUrlFileError::NotSecret(_)))
        ));

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
