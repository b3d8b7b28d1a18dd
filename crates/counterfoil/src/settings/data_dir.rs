//! The data directory: where everything lives that is not named otherwise.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::settings::Settings;

/// The data directory is not there and cannot be made, or is something else.
#[derive(Debug, thiserror::Error)]
#[error("the data directory {} cannot be used", dir.display())]
pub struct DataDirError {
    /// Which.
    pub dir: PathBuf,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

/// Makes the directory that `settings` name for its owner alone, if it is not there, and says if it did. A missing
/// parent is more likely a slip of the pen than a wish.
pub(crate) fn make(settings: &Settings) -> Result<Option<PathBuf>, DataDirError> {
    let Some(dir) = settings.data_dir.clone() else { return Ok(None) };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(None),
        Err(source) => Err(DataDirError { dir, source }),
    }
}
