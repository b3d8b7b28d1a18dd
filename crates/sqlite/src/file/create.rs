//! Creating a database: written completely under another name, then renamed.

use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use counterfoil_core::model::client::Client;
use counterfoil_files::{Access, open_regular, parent_directory, remove_regular, with_suffix};

use super::sync_after_crash::sync_directory_of;
use crate::schema;
use crate::tables::clients;

/// Why no database was created.
#[derive(Debug)]
pub(crate) enum CreateError {
    /// The file system returned an error.
    Io(io::Error),
    /// SQLite returned an error.
    Sqlite(rusqlite::Error),
    /// A migration failed.
    Migration(Box<refinery::Error>),
}

/// Creates a database at `path`, where no file exists. The caller holds its lock.
///
/// It is written under another name and renamed, so that a start that is killed half-way leaves either no
/// database or a complete one, and never one that looks damaged.
pub(crate) fn create(path: &Path) -> Result<(), CreateError> {
    let unfinished = with_suffix(path, ".new");
    for leftover in [unfinished.clone(), with_suffix(&unfinished, "-journal")] {
        remove_regular(&leftover).map_err(CreateError::Io)?;
    }
    counterfoil_files::create(&unfinished, parent_directory(path)).map_err(CreateError::Io)?;
    write_schema(&unfinished)?;
    rename_durably(&unfinished, path).map_err(CreateError::Io)
}

/// Writes the schema and the client `default`, which a login without a `client_id` uses.
fn write_schema(path: &Path) -> Result<(), CreateError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags).map_err(CreateError::Sqlite)?;
    schema::migrate(&mut connection).map_err(|error| CreateError::Migration(Box::new(error)))?;
    clients::insert(&connection, &Client::default_client()).map_err(CreateError::Sqlite)?;
    connection.close().map_err(|(_, error)| CreateError::Sqlite(error))
}

/// Syncs the finished file, renames it, and syncs its directory.
fn rename_durably(finished: &Path, path: &Path) -> io::Result<()> {
    open_regular(finished, Access::Read)?.sync_all()?;
    std::fs::rename(finished, path)?;
    sync_directory_of(path)
}
