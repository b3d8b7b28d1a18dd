//! The data directory of `dev`: a temporary one, or one that it keeps between two runs.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use counterfoil::App;
use tempfile::TempDir;

use crate::configuration::development::MARKER;
use crate::configuration::{Configuration, preflight_errors};
use crate::error::CliError;

/// The text of the file that marks a data directory.
const MARKER_TEXT: &str =
    "This directory belongs to `counterfoil dev`. Its user demo has a public password.\n";

/// Where `dev` keeps its data.
pub(super) enum DataDirectory {
    /// Removed at the end.
    Temporary(TempDir),
    /// The configured one.
    Kept(PathBuf),
}

impl DataDirectory {
    /// The configured directory, which is marked as one of `dev`; a new temporary one if none is configured.
    ///
    /// # Errors
    ///
    /// If the directory has a store that `dev` did not make: its demo user would get into that store.
    pub(super) fn open(configuration: &Configuration) -> Result<Self, CliError> {
        if configuration.is_set("data_dir") {
            mark(configuration)?;
            return Ok(Self::Kept(configuration.data_dir.clone()));
        }
        let dir = tempfile::Builder::new().prefix("counterfoil-dev-").tempdir();
        let dir = dir.map_err(|error| CliError::with_cause("cannot create a temporary directory", &error))?;
        Ok(Self::Temporary(dir))
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(dir) => dir,
        }
    }

    /// Whether the data is there at the next run.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// Removes a temporary directory.
    pub(super) fn close(self) -> Result<(), CliError> {
        match self {
            Self::Temporary(dir) => dir
                .close()
                .map_err(|error| CliError::with_cause("cannot remove the temporary directory", &error)),
            Self::Kept(_) => Ok(()),
        }
    }
}

/// Creates the directory with mode 0700 if it does not exist, and the file that marks it.
fn mark(configuration: &Configuration) -> Result<(), CliError> {
    let dir = &configuration.data_dir;
    let marker = dir.join(MARKER);
    if marker.symlink_metadata().is_ok_and(|file| file.is_file()) {
        return Ok(());
    }
    let settings = configuration.settings(configuration.listen)?;
    if App::store_exists(&settings) {
        let message = format!("the data directory {} has a store that dev did not make", dir.display());
        return Err(CliError::usage(message).with_hint(
            "dev would add a user with a public password to it: name another directory, or use `counterfoil serve`",
        ));
    }
    let cannot = |error| {
        CliError::with_cause(&format!("the data directory {} cannot be used", dir.display()), &error)
            .with_hint("name a directory whose parent exists and that this user can write")
    };
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(cannot(error)),
        Ok(()) | Err(_) => {}
    }
    // A directory that is refused is not marked: `serve` would later refuse its data, or `dev` take it for its own.
    let errors = preflight_errors(&settings);
    if !errors.is_empty() {
        return Err(CliError::from_all(errors));
    }
    // It follows no symbolic link that another user has put there.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(marker);
    file.and_then(|mut file| file.write_all(MARKER_TEXT.as_bytes())).map_err(cannot)
}
