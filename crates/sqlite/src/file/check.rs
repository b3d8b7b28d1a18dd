//! Checks of an existing database file: its header, its write-ahead log, its schema and its pages. Nothing is
//! written.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use counterfoil_files::{Access, open_regular, with_suffix};

use super::header::Header;
use crate::error::OpenError;
use crate::schema;
use crate::schema_check;

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

/// Refuses a link, a directory or a device in the place of a file that SQLite keeps next to the database, and a journal
/// that names another file.
///
/// SQLite deletes the file that such a name leads to (the super-journal of a transaction in several databases). Our
/// transactions have one database, so only an attacker writes one: root would delete a file of his choice.
pub(crate) fn check_companions(path: &Path) -> Result<(), OpenError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let file = with_suffix(path, suffix);
        let opened = match open_regular(&file, Access::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            opened => opened.map_err(|error| OpenError::from_io(&file, error))?,
        };
        if suffix == "-journal"
            && names_super_journal(&opened).map_err(|error| OpenError::from_io(&file, error))?
        {
            return Err(OpenError::damaged(path, "its journal names another file"));
        }
    }
    Ok(())
}

/// Whether a rollback journal ends with the name of a super-journal: then its last bytes are the magic number with
/// which it begins (`pager.c`, `readSuperJournal`).
fn names_super_journal(journal: &File) -> io::Result<bool> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let length = journal.metadata()?.len();
    let mut end = [0; MAGIC.len()];
    let Some(at) = length.checked_sub(MAGIC.len() as u64).filter(|at| *at > 0) else { return Ok(false) };
    journal.read_exact_at(&mut end, at)?;
    Ok(end == MAGIC)
}

/// Whether a write-ahead log exists that is not empty.
pub(super) fn has_wal(path: &Path) -> bool {
    with_suffix(path, "-wal").symlink_metadata().is_ok_and(|wal| wal.len() > 0)
}

/// Checks the schema, its version, and the pages of a file that is not too large. The schema comes first: before it is
/// known to be ours, nothing in it is run, not even a view in place of a table.
///
/// Until the checks have passed, closing the connection does not checkpoint: a refused file stays as it is.
pub(super) fn check_contents(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let sqlite_error = |error| OpenError::from_sqlite(path, error);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sqlite_error)?;
    let version = schema::header_version(connection).map_err(sqlite_error)?;
    if version > schema::VERSION {
        let path = path.into();
        return Err(OpenError::NewerSchema { path, found: version, supported: schema::VERSION });
    }
    check_schema(path, connection, version)?;
    if schema::version(connection).map_err(sqlite_error)? != Some(version) {
        return Err(OpenError::damaged(path, "its migration history is invalid"));
    }
    if !schema::has_single_rows(connection, version).map_err(sqlite_error)? {
        return Err(OpenError::damaged(path, "a required row is missing"));
    }
    let size = path.metadata().map_err(|error| OpenError::from_io(path, error))?.len();
    if size <= MAX_SIZE_OF_FULL_CHECK && !passes_quick_check(connection).map_err(sqlite_error)? {
        return Err(OpenError::damaged(path, "its pages are inconsistent"));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sqlite_error)?;
    Ok(())
}

/// Refuses a schema that is not the one that the migrations of `version` make.
pub(super) fn check_schema(path: &Path, connection: &Connection, version: u32) -> Result<(), OpenError> {
    match schema_check::difference(connection, version) {
        Ok(None) => Ok(()),
        Ok(Some(difference)) => Err(OpenError::ChangedSchema { path: path.into(), difference }),
        Err(error) => Err(OpenError::from_sqlite(path, error)),
    }
}

fn passes_quick_check(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))
}
