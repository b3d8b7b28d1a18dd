//! A new database: made whole beside its place, and then put there.

use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use counterfoil_core::model::client::Client;

use crate::file_lock::beside;
use crate::new_file;
use crate::schema;

/// Why no database was made.
#[derive(Debug)]
pub(crate) enum NotMade {
    /// The file system refused.
    Io(io::Error),
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// A migration failed.
    Schema(Box<refinery::Error>),
}

/// Makes a database at `path`, where none is. The caller owns the place.
///
/// It is made under another name and renamed, so that a start which is killed half-way leaves either no
/// database or a whole one, and never one that looks damaged.
pub(crate) fn create(path: &Path) -> Result<(), NotMade> {
    let unfinished = beside(path, ".new");
    for left_over in [unfinished.clone(), beside(&unfinished, "-journal")] {
        match std::fs::remove_file(left_over) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(NotMade::Io(error)),
            Ok(()) | Err(_) => {}
        }
    }
    new_file::make(&unfinished).map_err(NotMade::Io)?;
    fill(&unfinished)?;
    put(&unfinished, path).map_err(NotMade::Io)
}

/// Writes the schema and the first rows.
fn fill(path: &Path) -> Result<(), NotMade> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(NotMade::Sqlite)?;
    schema::migrate(&mut connection).map_err(|error| NotMade::Schema(Box::new(error)))?;
    // A login that names no client has one from the first.
    crate::clients::insert(&connection, &Client::default_client()).map_err(NotMade::Sqlite)?;
    connection.close().map_err(|(_, error)| NotMade::Sqlite(error))
}

/// Gives the finished file its name, durably.
fn put(finished: &Path, path: &Path) -> io::Result<()> {
    File::open(finished)?.sync_all()?;
    std::fs::rename(finished, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
