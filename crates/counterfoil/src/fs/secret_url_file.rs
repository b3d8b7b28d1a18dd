//! A file with a URL that may contain a password.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use counterfoil_files::{is_secret, open_configured, path_hint};
use counterfoil_jose::Secret;

/// The most bytes of the file.
const MAX_LENGTH: u64 = 4096;

/// Such a file cannot be read. No variant contains the content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretUrlFileError {
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
}

impl SecretUrlFileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { file, source } => path_hint(file, source)
                .unwrap_or_else(|| "name a file that the user of this process may read".to_owned()),
            Self::NotSecret(file) => format!("chmod 600 {}", file.display()),
        }
    }
}

/// The first line of a file that only its owner, and perhaps its group, can read.
///
/// # Errors
///
/// If it cannot be read, or other users can read it.
pub(crate) fn read_secret_url(file: &Path) -> Result<Secret<String>, SecretUrlFileError> {
    let unreadable = |source| SecretUrlFileError::Unreadable { file: file.to_owned(), source };
    let opened = open_configured(file).map_err(unreadable)?;
    if !is_secret(&opened.metadata().map_err(unreadable)?) {
        return Err(SecretUrlFileError::NotSecret(file.to_owned()));
    }
    let mut text = String::new();
    opened.take(MAX_LENGTH).read_to_string(&mut text).map_err(unreadable)?;
    let text = Secret::new(text);
    Ok(Secret::new(text.expose().lines().next().unwrap_or_default().trim().to_owned()))
}
