//! SQLite connections with every setting that matters set explicitly.
//!
//! No file is mapped into memory (`mmap_size`): a disk error under a mapping is a signal that ends the
//! process, while under a read it is an error that can be reported.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long a statement waits for a lock. Only a checkpoint at the start or the end makes one wait, because
/// the file has one process and one writer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The size of the cache of prepared statements; larger than the number of statements.
const STATEMENT_CACHE_SIZE: usize = 128;

/// Opens `path`, which exists, to read and write.
pub(crate) fn for_writing(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // FULL: a commit returns only after it is on the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The writer checkpoints explicitly: SQLite ignores errors in its automatic checkpoints, and a failed
    // sync must not be ignored.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // The write-ahead log is truncated to this size after a burst.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    Ok(connection)
}

/// Switches to a write-ahead log; returns whether the file system supports one.
pub(crate) fn enable_wal(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mode: Option<String> = rows.next()?.map(|row| row.get(0)).transpose()?;
    // Read to the end: the change is committed after the first row, so its error appears only here.
    rows.next()?;
    Ok(mode.as_deref() == Some("wal"))
}

/// Opens `path`, which exists, to read.
pub(crate) fn for_reading(path: &Path) -> rusqlite::Result<Connection> {
    // Not SQLITE_OPEN_READONLY: a read-only connection cannot repair the index of the write-ahead log.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

/// Opens `path`, which exists, to copy it: it is read, but the copy is written.
pub(crate) fn for_copying(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Only the writer checkpoints.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Opens `path`, which no other connection writes, to examine it.
pub(crate) fn for_checking(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // No SQLITE_OPEN_CREATE: a missing database is created explicitly. NO_MUTEX: no two threads use a
    // connection at once; Rust guarantees that. NOFOLLOW: the path is canonical, and a link in it was placed there
    // since; it also holds for the file that `VACUUM INTO` writes.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A plan is made once and not again for each bound value: planning takes longer than reading.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The schema of a file that an attacker has modified cannot run code.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    #[cfg(test)]
    let connection = crate::statement_cost::observe(connection)?;
    Ok(connection)
}
