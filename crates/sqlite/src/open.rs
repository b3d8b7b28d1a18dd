//! Opening: from a path to a database that is ours, or to a clear word why not, with nothing touched.

use std::fs::{Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use counterfoil_jose::{base64url, random};

use crate::atomic_replace::roll_forward;
use crate::create::{NotMade, create};
use crate::error::OpenError;
use crate::file_lock::{Owner, Unowned, beside};
use crate::header::Header;
use crate::sync_after_crash::{resync, sync_directory_of};
use crate::{connection, schema};

/// The oldest SQLite without a known defect that could lose a commit.
const OLDEST_SQLITE: i32 = 3_051_003;

/// A file up to this size is read whole at every start, which takes some 50 ms: a server is ready within 100. Of a
/// larger one the schema is read and what a start needs.
const READ_WHOLE: u64 = 16 * 1024 * 1024;

/// Every page of a database is a multiple of this.
const SMALLEST_PAGE: u64 = 512;

/// A database that was judged and is ours, ready to be written.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    /// The one absolute name of the file.
    pub(crate) path: PathBuf,
    pub(crate) owner: Owner,
}

/// Opens the database at `path`; makes one if there is nothing.
pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    let path = resolve(path)?;
    let owner = own(&path)?;
    // A restore that was cut short is finished before anything is looked at.
    roll_forward(&path).map_err(|source| io_error(&path, source))?;
    let had_index = beside(&path, "-shm").exists();
    match prepare(&path) {
        Ok(connection) => Ok(Opened { connection, path, owner }),
        Err(error) => {
            sweep(&path, had_index);
            owner.withdraw();
            Err(error)
        }
    }
}

/// Removes what SQLite has made to look into a database that is then refused: a log without a byte, and an
/// index that was not there. Nobody else has the database open.
fn sweep(path: &Path, had_index: bool) {
    let (log, index) = (beside(path, "-wal"), beside(path, "-shm"));
    if log.metadata().is_ok_and(|log| log.len() == 0) {
        let _ = std::fs::remove_file(log);
    }
    if !had_index {
        let _ = std::fs::remove_file(index);
    }
}

/// Opens a database in a directory of its own that goes with it.
pub(crate) fn open_temporary() -> Result<Opened, OpenError> {
    let directory = temporary_directory()?;
    let path = directory.join("store.db");
    let owner = own(&path)?.and_of(directory);
    let connection = prepare(&path)?;
    // Nothing of it is to last, so nothing has to be waited for.
    connection.pragma_update(None, "synchronous", "OFF").map_err(|error| failed(&path, error))?;
    Ok(Opened { connection, path, owner })
}

fn temporary_directory() -> Result<PathBuf, OpenError> {
    let refused = |path: &Path, source| OpenError::Io { path: path.into(), source };
    let parent = std::env::temp_dir();
    let parent = parent.canonicalize().map_err(|source| refused(&parent, source))?;
    let name: [u8; 16] = random::bytes().map_err(|error| refused(&parent, io::Error::other(error)))?;
    let directory = parent.join(format!("counterfoil-{}", base64url::encode(name)));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&directory)
        .map_err(|source| refused(&directory, source))?;
    Ok(directory)
}

/// The one absolute name of the file: whatever leads to it, its owner is found.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(found) = path.canonicalize() {
        let found_as = found.metadata().map_err(|source| io_error(&found, source))?;
        return if found_as.is_file() { Ok(found) } else { Err(OpenError::NotAFile(found)) };
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| OpenError::NotAFile(path.into()))?;
    match directory.canonicalize() {
        Ok(directory) => Ok(directory.join(name)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::NoDirectory(directory.into())),
        Err(error) => Err(io_error(directory, error)),
    }
}

/// Becomes the owner of `path`, if the place can be written at all.
pub(crate) fn own(path: &Path) -> Result<Owner, OpenError> {
    for place in path.parent().into_iter().chain([path]) {
        // Asked of the file itself and not of the system: to root nothing is forbidden, but whoever took
        // away the right to write meant it.
        if place.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
            return Err(OpenError::ReadOnly { path: place.into(), source: None });
        }
    }
    Owner::of(path).map_err(|unowned| match unowned {
        Unowned::Taken => OpenError::InUse(path.into()),
        Unowned::Failed(error) => io_error(path, error),
    })
}

/// Looks at what is there, makes it if it is nothing, and opens it. Up to `examine` nothing is written.
pub(crate) fn prepare(path: &Path) -> Result<Connection, OpenError> {
    match path.symlink_metadata() {
        Ok(metadata) => {
            judge_header(path, &metadata)?;
            judge_log(path)?;
            let log = beside(path, "-wal");
            resync(&log).map_err(|source| io_error(&log, source))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path)?,
        Err(error) => return Err(io_error(path, error)),
    }
    let mut connection = connection::for_writing(path).map_err(|error| failed(path, error))?;
    examine(path, &connection)?;
    keep_to_ourselves(path)?;
    schema::migrate_if_older(&mut connection)
        .map_err(|source| OpenError::Sqlite { path: path.into(), source })?;
    if !connection::keep_a_log(&connection).map_err(|error| failed(path, error))? {
        return Err(OpenError::NoLog(path.into()));
    }
    // The log has a name now. SQLite syncs that too, but passes over an error, and a log that the next start does
    // not find has no commits.
    sync_directory_of(path).map_err(|source| io_error(path, source))?;
    Ok(connection)
}

/// Judges a file by its first bytes, before SQLite sees it.
pub(crate) fn judge_header(path: &Path, metadata: &Metadata) -> Result<(), OpenError> {
    if !metadata.is_file() {
        return Err(OpenError::NotAFile(path.into()));
    }
    match Header::of(path).map_err(|error| io_error(path, error))? {
        // A loss of power may cut a page short that the log still has whole; without a log nobody has it.
        Header::Ours(_) if !metadata.len().is_multiple_of(SMALLEST_PAGE) && !has_log(path) => {
            Err(damaged(path, "its last page is not whole"))
        }
        Header::Ours(version) if version <= schema::VERSION => Ok(()),
        Header::Ours(found) => Err(OpenError::Newer { path: path.into(), found, known: schema::VERSION }),
        // A database that was cut off to nothing must not come back as an empty one, without its users.
        Header::Empty => Err(damaged(path, "the file is empty")),
        Header::Unknown => Err(damaged(path, "it does not begin as a database does")),
        Header::Foreign(id) => Err(OpenError::Foreign { path: path.into(), id }),
    }
}

/// Refuses a log that cannot be this database's: we write logs only to databases that say so in their header, and a
/// backup does not. A backup that was copied over a database whose log stayed behind would be torn apart by it.
pub(crate) fn judge_log(path: &Path) -> Result<(), OpenError> {
    if has_log(path) && !Header::says_log(path).map_err(|error| io_error(path, error))? {
        return Err(damaged(path, "the write-ahead log beside it is that of another database"));
    }
    Ok(())
}

/// Whether there is a log with anything in it.
fn has_log(path: &Path) -> bool {
    beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

/// Makes the database, if nothing of an older one is left.
fn make(path: &Path) -> Result<(), OpenError> {
    if has_log(path) {
        return Err(OpenError::LogWithoutDatabase(path.into()));
    }
    create(path).map_err(|error| match error {
        NotMade::Io(error) => io_error(path, error),
        NotMade::Sqlite(error) => failed(path, error),
        NotMade::Schema(source) => OpenError::Sqlite { path: path.into(), source },
    })
}

/// Whether the database holds together and is of a version that we know.
///
/// Until that is known, closing it brings no log into it: a file that is refused stays as it is.
fn examine(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let refused = |error| failed(path, error);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(refused)?;
    match schema::version(connection).map_err(refused)? {
        Some(version) if version > schema::VERSION => {
            return Err(OpenError::Newer { path: path.into(), found: version, known: schema::VERSION });
        }
        Some(_) => {}
        None => return Err(damaged(path, "its history of versions does not fit")),
    }
    if !schema::is_whole(connection).map_err(refused)? {
        return Err(damaged(path, "a table or a row that every database has is missing"));
    }
    let size = path.metadata().map_err(|error| io_error(path, error))?.len();
    if size <= READ_WHOLE && !holds_together(connection).map_err(refused)? {
        return Err(damaged(path, "its pages do not fit together"));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(refused)?;
    Ok(())
}

fn holds_together(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))
}

/// Takes the rights of others away, also from a file that was copied here with more.
fn keep_to_ourselves(path: &Path) -> Result<(), OpenError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm"), beside(path, ".lock")] {
        let Ok(metadata) = file.metadata() else { continue };
        if metadata.permissions().mode() & 0o777 != 0o600 {
            std::fs::set_permissions(&file, Permissions::from_mode(0o600))
                .map_err(|error| io_error(&file, error))?;
        }
    }
    Ok(())
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> OpenError {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { path: path.into(), source: Some(source) }
        }
        _ => OpenError::Io { path: path.into(), source },
    }
}

pub(crate) fn damaged(path: &Path, what: &'static str) -> OpenError {
    OpenError::Damaged { path: path.into(), what, source: None }
}

/// What an error of SQLite at the start means. Where the file is at fault, it says so.
pub(crate) fn failed(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None => {
            OpenError::Damaged { path, what: "SQLite cannot read it", source: Some(Box::new(error)) }
        }
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly { path, source: Some(io::Error::other(error)) },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse(path),
        Some(_) => OpenError::Sqlite { path, source: Box::new(error) },
    }
}
