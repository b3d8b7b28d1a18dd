//! Checks of an existing database file: its header, its write-ahead log, its schema and its pages. Nothing is
//! written.

use std::fs::Metadata;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::file_lock::with_suffix;
use super::header::Header;
use crate::error::OpenError;
use crate::schema;

/// Every page of a file up to this size is checked at each start, which takes about 50 ms; a server must be
/// ready within 100 ms. Of a larger file only the schema is checked.
const MAX_SIZE_OF_FULL_CHECK: u64 = 16 * 1024 * 1024;

/// The smallest page size of SQLite; every page size is a multiple of it.
const MIN_PAGE_SIZE: u64 = 512;

/// Checks a file by its header, before SQLite opens it.
pub(crate) fn check_header(path: &Path, metadata: &Metadata) -> Result<(), OpenError> {
    if !metadata.is_file() {
        return Err(OpenError::NotAFile(path.into()));
    }
    match Header::read(path).map_err(|error| OpenError::from_io(path, error))? {
        // A power failure may truncate a page that the write-ahead log still holds. Without that log the page
        // is lost.
        Header::Counterfoil(_) if !metadata.len().is_multiple_of(MIN_PAGE_SIZE) && !has_wal(path) => {
            Err(OpenError::damaged(path, "its last page is incomplete"))
        }
        Header::Counterfoil(version) if version <= schema::VERSION => Ok(()),
        Header::Counterfoil(found) => {
            Err(OpenError::NewerSchema { path: path.into(), found, supported: schema::VERSION })
        }
        // A database that was truncated to nothing must not become an empty one, without its users.
        Header::Empty => Err(OpenError::damaged(path, "the file is empty")),
        Header::Unknown => Err(OpenError::damaged(path, "it has no SQLite header")),
        Header::OtherApplication(id) => Err(OpenError::OtherApplication { path: path.into(), id }),
    }
}

/// Refuses a write-ahead log that cannot belong to this database: only a database whose header says so has
/// one, and a backup does not. If a backup was copied over a database and the log stayed, SQLite would damage
/// the backup with it.
pub(crate) fn check_wal(path: &Path) -> Result<(), OpenError> {
    if has_wal(path) && !Header::uses_wal(path).map_err(|error| OpenError::from_io(path, error))? {
        return Err(OpenError::damaged(path, "its write-ahead log belongs to another database"));
    }
    Ok(())
}

/// Whether a write-ahead log exists that is not empty.
pub(super) fn has_wal(path: &Path) -> bool {
    with_suffix(path, "-wal").metadata().is_ok_and(|wal| wal.len() > 0)
}

/// Checks the schema version, the tables, and the pages of a file that is not too large.
///
/// Until the checks have passed, closing the connection does not checkpoint: a refused file stays as it is.
pub(super) fn check_contents(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let sqlite_error = |error| OpenError::from_sqlite(path, error);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sqlite_error)?;
    match schema::version(connection).map_err(sqlite_error)? {
        Some(found) if found > schema::VERSION => {
            return Err(OpenError::NewerSchema { path: path.into(), found, supported: schema::VERSION });
        }
        Some(_) => {}
        None => return Err(OpenError::damaged(path, "its migration history is invalid")),
    }
    if !schema::is_complete(connection).map_err(sqlite_error)? {
        return Err(OpenError::damaged(path, "a required table or row is missing"));
    }
    let size = path.metadata().map_err(|error| OpenError::from_io(path, error))?.len();
    if size <= MAX_SIZE_OF_FULL_CHECK && !passes_quick_check(connection).map_err(sqlite_error)? {
        return Err(OpenError::damaged(path, "its pages are inconsistent"));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sqlite_error)?;
    Ok(())
}

fn passes_quick_check(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))
}
