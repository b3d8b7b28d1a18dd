//! Opening a database: it is locked and checked before anything is written, or refused unchanged.

use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use counterfoil_files::{
    Access, mode_if_writable_by_others, open_regular, parent_directory, remove_regular, resolve_link,
    restrict, with_suffix,
};
use counterfoil_jose::{base64url, random};

use super::atomic_replace::roll_forward;
use super::check::{check_companions, check_contents, check_header, check_wal, has_wal};
use super::connection;
use super::create::{CreateError, create};
use super::file_lock::{FileLock, LockError};
use super::sync_after_crash::{rewrite_and_sync, sync_directory_of};
use crate::canonical_names;
use crate::error::OpenError;
use crate::schema;

/// The oldest SQLite without a known defect that could lose a commit.
const MIN_SQLITE_VERSION: i32 = 3_051_003;

/// A database that was locked, checked and migrated, ready to be written.
pub(crate) struct OpenedDatabase {
    pub(crate) connection: Connection,
    /// The canonical path of the file.
    pub(crate) path: PathBuf,
    pub(crate) lock: FileLock,
}

/// Opens the database at `path`, or creates it if no file exists.
pub(crate) fn open(path: &Path) -> Result<OpenedDatabase, OpenError> {
    if rusqlite::version_number() < MIN_SQLITE_VERSION {
        return Err(OpenError::SqliteTooOld { found: rusqlite::version() });
    }
    let path = canonical_path(path)?;
    let lock = lock(&path)?;
    // A restore that was interrupted is completed before anything is checked.
    roll_forward(&path).map_err(|source| OpenError::from_io(&path, source))?;
    let had_wal_index = with_suffix(&path, "-shm").symlink_metadata().is_ok();
    match open_or_create(&path) {
        Ok(connection) => Ok(OpenedDatabase { connection, path, lock }),
        Err(error) => {
            remove_leftovers(&path, had_wal_index);
            lock.release();
            Err(error)
        }
    }
}

/// Removes the files that SQLite created while a refused database was checked: an empty write-ahead log, and
/// an index that did not exist before. No other process has the database open.
fn remove_leftovers(path: &Path, had_wal_index: bool) {
    let (wal, index) = (with_suffix(path, "-wal"), with_suffix(path, "-shm"));
    if wal.symlink_metadata().is_ok_and(|wal| wal.len() == 0) {
        let _ = remove_regular(&wal);
    }
    if !had_wal_index {
        let _ = remove_regular(&index);
    }
}

/// Opens a new database in a temporary directory of its own, which is deleted with its lock.
pub(crate) fn open_temporary() -> Result<OpenedDatabase, OpenError> {
    let directory = create_temporary_directory()?;
    let path = directory.join("store.db");
    let lock = lock(&path)?.with_temporary_directory(directory);
    let connection = open_or_create(&path)?;
    // A temporary database need not survive a crash.
    connection
        .pragma_update(None, "synchronous", "OFF")
        .map_err(|error| OpenError::from_sqlite(&path, error))?;
    Ok(OpenedDatabase { connection, path, lock })
}

fn create_temporary_directory() -> Result<PathBuf, OpenError> {
    let temporary_error = |path: &Path, source| OpenError::Io { path: path.into(), source };
    let parent = std::env::temp_dir();
    let parent = parent.canonicalize().map_err(|source| temporary_error(&parent, source))?;
    let name: [u8; 16] =
        random::bytes().map_err(|error| temporary_error(&parent, io::Error::other(error)))?;
    let directory = parent.join(format!("counterfoil-{}", base64url::encode(name)));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&directory)
        .map_err(|source| temporary_error(&directory, source))?;
    Ok(directory)
}

/// The canonical path of the file, so that its lock is found whatever path leads to it. A link that an untrusted user made
/// is refused.
pub(crate) fn canonical_path(path: &Path) -> Result<PathBuf, OpenError> {
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        resolve_link(path).map_err(|error| OpenError::from_io(path, error))?;
    }
    if let Ok(found) = path.canonicalize() {
        let metadata = found.metadata().map_err(|source| OpenError::from_io(&found, source))?;
        return if metadata.is_file() { Ok(found) } else { Err(OpenError::NotAFile(found)) };
    }
    let directory = parent_directory(path);
    let name = path.file_name().ok_or_else(|| OpenError::NotAFile(path.into()))?;
    match directory.canonicalize() {
        Ok(directory) => Ok(directory.join(name)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(OpenError::DirectoryNotFound(directory.into()))
        }
        Err(error) => Err(OpenError::from_io(directory, error)),
    }
}

/// Locks the database at `path`, if the file and its directory are writable, and the latter not for all users.
pub(crate) fn lock(path: &Path) -> Result<FileLock, OpenError> {
    let directory = parent_directory(path);
    let mode = mode_if_writable_by_others(directory).map_err(|error| OpenError::from_io(directory, error))?;
    if let Some(mode) = mode {
        return Err(OpenError::WritableByOthers { directory: directory.into(), mode });
    }
    for checked in path.parent().into_iter().chain([path]) {
        // Checks the mode of the file, not the permission of the process: root can write any file, but an
        // operator made this one read-only.
        if checked.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
            return Err(OpenError::ReadOnly { path: checked.into(), source: None });
        }
    }
    FileLock::acquire(path).map_err(|error| match error {
        LockError::InUse(owner) => OpenError::InUse { path: path.into(), owner },
        LockError::Io(error) => OpenError::from_io(path, error),
    })
}

/// Opens a database whose lock the caller holds. It is checked before anything is written; if no file exists,
/// it is created.
pub(crate) fn open_or_create(path: &Path) -> Result<Connection, OpenError> {
    check_companions(path)?;
    match path.symlink_metadata() {
        Ok(metadata) => {
            check_header(path, &metadata)?;
            check_wal(path)?;
            let wal = with_suffix(path, "-wal");
            rewrite_and_sync(&wal).map_err(|source| OpenError::from_io(&wal, source))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create_new(path)?,
        Err(error) => return Err(OpenError::from_io(path, error)),
    }
    let mut connection =
        connection::for_writing(path).map_err(|error| OpenError::from_sqlite(path, error))?;
    check_contents(path, &connection)?;
    restrict_permissions(path)?;
    schema::migrate_if_older(&mut connection)
        .map_err(|source| OpenError::Sqlite { path: path.into(), source })?;
    canonical_names::follow_rules(&mut connection).map_err(|error| OpenError::from_sqlite(path, error))?;
    if !connection::enable_wal(&connection).map_err(|error| OpenError::from_sqlite(path, error))? {
        return Err(OpenError::WalUnsupported(path.into()));
    }
    // The write-ahead log has a directory entry now. SQLite syncs it too, but ignores errors, and commits in
    // a log that the next start does not find are lost.
    sync_directory_of(path).map_err(|source| OpenError::from_io(path, source))?;
    Ok(connection)
}

/// Creates the database, unless the write-ahead log of an older one is left.
fn create_new(path: &Path) -> Result<(), OpenError> {
    if has_wal(path) {
        return Err(OpenError::WalWithoutDatabase(path.into()));
    }
    create(path).map_err(|error| match error {
        CreateError::Io(error) => OpenError::from_io(path, error),
        CreateError::Sqlite(error) => OpenError::from_sqlite(path, error),
        CreateError::Migration(source) => OpenError::Sqlite { path: path.into(), source },
    })
}

/// Sets mode 0600 on the files of the database, which may have been copied here with another one, or which a platform
/// has given to a group.
fn restrict_permissions(path: &Path) -> Result<(), OpenError> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = with_suffix(path, suffix);
        let restricted = match open_regular(&file, Access::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            opened => opened.and_then(|opened| restrict(&opened, &file)),
        };
        restricted.map_err(|error| OpenError::from_io(&file, error))?;
    }
    Ok(())
}
