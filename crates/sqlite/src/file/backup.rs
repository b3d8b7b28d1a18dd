//! Backups: a consistent copy of the database, taken while the store is in use.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use counterfoil_core::store::StoreError;
use counterfoil_files::{Access, create_private, open_regular, parent_directory, remove_regular};

use super::check;
use super::connection;
use super::sync_after_crash::sync_directory_of;
use crate::error_class::map_error;
use crate::schema;

/// Writes a copy of the database at `from` to the new file `to`.
///
/// It reads one snapshot on a connection of its own, so reads and writes do not wait for it; but the
/// write-ahead log grows until it is done.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    // The directory is canonical, because SQLite refuses every link in the path.
    let to = canonical(to).map_err(|error| io_error("the path of the backup is invalid", error))?;
    create(from, &to).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::AlreadyExists => "the backup file exists already",
            _ => "the backup file cannot be created",
        };
        io_error(reason, error)
    })?;
    let written = write(from, &to);
    if written.is_err() {
        // An incomplete backup must not look like a backup. SQLite does not open what cannot be removed
        // either.
        let _ = remove_regular(&to);
    }
    written
}

/// Creates the empty file that SQLite fills, with mode 0600. In a directory of the database's owner that user
/// owns it; elsewhere the user of this process does, so that no other user gains data that they could not
/// read before.
fn create(from: &Path, to: &Path) -> io::Result<()> {
    let is_same_owner = from.metadata()?.uid() == parent_directory(to).metadata()?.uid();
    match is_same_owner {
        true => counterfoil_files::create(to, parent_directory(to)).map(drop),
        false => create_private(to).map(drop),
    }
}

fn write(from: &Path, to: &Path) -> Result<(), StoreError> {
    let name = to.to_str().ok_or_else(|| {
        io_error("the path of the backup must be UTF-8", io::Error::from(ErrorKind::InvalidFilename))
    })?;
    let connection = connection::for_copying(from).map_err(map_error)?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(copy_error)?;
    check_schema_of(to)?;
    open_regular(to, Access::Read)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_directory_of(to))
        .map_err(|error| io_error("the backup could not be synced to the disk", error))
}

/// Checks that the copy can be restored: its schema is not one that someone has changed while the store was open.
fn check_schema_of(copy: &Path) -> Result<(), StoreError> {
    let connection = connection::for_checking(copy).map_err(map_error)?;
    check::check_schema(copy, &connection, schema::VERSION)
        .map_err(|error| StoreError::Backend(Box::new(error)))
}

/// The path with a canonical directory.
fn canonical(file: &Path) -> io::Result<PathBuf> {
    let name = file.file_name().ok_or(ErrorKind::InvalidFilename)?;
    Ok(parent_directory(file).canonicalize()?.join(name))
}

/// A full disk is that of the copy, not that of the store, from which the copy only reads.
fn copy_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            io_error("the backup cannot be written", io::Error::from(ErrorKind::StorageFull))
        }
        Some(_) | None => map_error(error),
    }
}

fn io_error(reason: &'static str, error: io::Error) -> StoreError {
    StoreError::Unavailable { reason, source: Some(Box::new(error)) }
}
