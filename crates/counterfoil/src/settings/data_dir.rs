//! Creates the data directory, the default place of all files.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use counterfoil_files::{check_writable_directory, mode_if_writable_by_others, path_hint, resolve_link};

use crate::settings::Settings;

/// The data directory is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// It does not exist and cannot be created, or is not a directory.
    #[error("the data directory {} cannot be used", dir.display())]
    Unusable {
        /// The directory.
        dir: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// This process cannot create files in it.
    #[error("the data directory {} cannot be written", dir.display())]
    NotWritable {
        /// The directory.
        dir: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// Other users can replace the files in it: the store by one with their own administrators, the master key by one that
    /// they know.
    #[error("other users can replace the files in the data directory {} (mode {mode:04o})", dir.display())]
    WritableByOthers {
        /// The directory.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl DataDirError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unusable { dir, source } | Self::NotWritable { dir, source } => path_hint(dir, source)
                .unwrap_or_else(|| {
                    "name a directory whose parent exists and that this user can write".to_owned()
                }),
            Self::WritableByOthers { .. } => {
                "chmod o-w it, or name a new directory in it, which is created for this user alone".to_owned()
            }
        }
    }
}

/// Creates the data directory of `settings` with mode 0700. Returns its path if it did not exist before.
///
/// A missing parent directory is an error, because it is probably a typing error.
pub(crate) fn create(settings: &Settings) -> Result<Option<PathBuf>, DataDirError> {
    let Some(dir) = settings.data_dir.clone() else { return Ok(None) };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => Ok(Some(dir)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {
            check(&dir).map(|()| None)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(DataDirError::Unusable { dir, source: io::ErrorKind::NotADirectory.into() })
        }
        Err(source) => Err(DataDirError::Unusable { dir, source }),
    }
}

/// Checks the data directory of `settings`, if it exists: before anything is read in it, so that an error is about the
/// directory and not about the first file.
pub(crate) fn check_existing(settings: &Settings) -> Result<(), DataDirError> {
    match settings.data_dir.as_deref() {
        Some(dir) if dir.is_dir() => check(dir),
        Some(_) | None => Ok(()),
    }
}

/// Checks that the directory `dir`, which exists, can hold the files of an installation.
pub(crate) fn check(dir: &Path) -> Result<(), DataDirError> {
    // A link of the user of a service would have root use the installation of another one.
    let resolved = resolve_link(dir).and_then(|dir| mode_if_writable_by_others(&dir));
    match resolved {
        Ok(None) => check_writable_directory(dir)
            .map_err(|source| DataDirError::NotWritable { dir: dir.to_owned(), source }),
        Ok(Some(mode)) => Err(DataDirError::WritableByOthers { dir: dir.to_owned(), mode }),
        Err(source) => Err(DataDirError::Unusable { dir: dir.to_owned(), source }),
    }
}
