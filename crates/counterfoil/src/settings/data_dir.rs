//! Creates the data directory, the default place of all files.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::settings::Settings;

/// The data directory does not exist and cannot be created, or is not a directory.
#[derive(Debug, thiserror::Error)]
#[error("the data directory {} cannot be used", dir.display())]
pub struct DataDirError {
    /// The directory.
    pub dir: PathBuf,
    /// The error of the operating system.
    #[source]
    pub source: io::Error,
}

/// Creates the data directory of `settings` with mode 0700. Returns its path if it did not exist before.
///
/// A missing parent directory is an error, because it is probably a typing error.
pub(crate) fn create(settings: &Settings) -> Result<Option<PathBuf>, DataDirError> {
    let Some(dir) = settings.data_dir.clone() else { return Ok(None) };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(None),
        Err(source) => Err(DataDirError { dir, source }),
    }
}
