//! A connection as we want it: every setting that matters, set and not assumed.
//!
//! Nothing is mapped into memory (`mmap_size`): an error of the disk under a mapping is a signal that ends
//! the process, where under a read it is an error that is told.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long a statement waits for a lock. Only a checkpoint at the start or the end can make one wait: the
/// file has one owner and one writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Statements that are kept prepared; more than there are.
const STATEMENTS: usize = 64;

/// Opens `path`, which exists, to read and write.
pub(crate) fn for_writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // FULL: a commit is answered when it is on the disk, and not before.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The writer checkpoints by itself: in the automatic checkpoint SQLite passes over errors, and one of a
    // sync must not be passed over.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // After a burst the log is cut back to this size.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    Ok(connection)
}

/// Turns to a write-ahead log; says whether the file system can hold one.
pub(crate) fn keep_a_log(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mode: Option<String> = rows.next()?.map(|row| row.get(0)).transpose()?;
    // To its end: the change is committed after the row is there, and whoever leaves does not hear that it failed.
    rows.next()?;
    Ok(mode.as_deref() == Some("wal"))
}

/// Opens `path`, which exists, to read.
pub(crate) fn for_reading(path: &Path) -> rusqlite::Result<Connection> {
    // Not SQLITE_OPEN_READONLY: a connection that may not write can't repair the index of the log either.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

/// Opens `path`, which exists, to copy it: it is read, but what it is copied to is written.
pub(crate) fn for_copying(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Whatever it was opened for, it brings no log into the database: that is the writer's.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // No SQLITE_OPEN_CREATE: what is missing is made elsewhere, on purpose. NO_MUTEX: no connection is ever
    // used by two threads at once; Rust sees to that.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A plan is made once, and not again for every value that is bound: that takes longer than the reading.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A schema in a file that somebody else has touched runs no code of its own.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}
