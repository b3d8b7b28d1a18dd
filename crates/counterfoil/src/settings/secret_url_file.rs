//! A file with a URL that contains a password.

use std::io::{self, Read as _};
use std::path::Path;

use counterfoil_files::{is_secret, open_configured};
use counterfoil_jose::Secret;

/// The most bytes of the file.
const MAX_LENGTH: u64 = 4096;

/// Why no URL was read. No variant contains the content.
#[derive(Debug)]
pub(crate) enum SecretUrlFileError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// Other users can read the file.
    NotSecret,
}

/// The first line of a file that only its owner, and perhaps its group, can read.
pub(crate) fn read_secret_url(file: &Path) -> Result<Secret<String>, SecretUrlFileError> {
    let opened = open_configured(file).map_err(SecretUrlFileError::Unreadable)?;
    let metadata = opened.metadata().map_err(SecretUrlFileError::Unreadable)?;
    if !is_secret(&metadata) {
        return Err(SecretUrlFileError::NotSecret);
    }
    let mut text = String::new();
    opened.take(MAX_LENGTH).read_to_string(&mut text).map_err(SecretUrlFileError::Unreadable)?;
    let text = Secret::new(text);
    Ok(Secret::new(text.expose().lines().next().unwrap_or_default().trim().to_owned()))
}
