//! A copy of the database, consistent and whole, while work goes on.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use counterfoil_core::store::StoreError;

use crate::error_class::told;
use crate::new_file;

/// Writes a copy of the database at `from` to the new file `to`.
///
/// It reads one snapshot on a connection of its own, so nobody waits for it; but the write-ahead log grows
/// as long as it takes.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let to =
        std::path::absolute(to).map_err(|error| refused("the path of the backup cannot be used", error))?;
    make(from, &to).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::AlreadyExists => "the file of the backup exists already",
            _ => "the file of the backup cannot be made",
        };
        refused(reason, error)
    })?;
    let written = write(from, &to);
    if written.is_err() {
        // Half a backup is worse than none; what can't be removed is of no use to SQLite either.
        let _ = std::fs::remove_file(&to);
    }
    written
}

/// Made by us, for our eyes only, and only if there is nothing; SQLite fills an empty file. In a directory that belongs
/// to whom the database belongs to, it is theirs as well; nobody else is given what they could not read before.
fn make(from: &Path, to: &Path) -> io::Result<()> {
    let is_theirs = from.metadata()?.uid() == new_file::directory_of(to).metadata()?.uid();
    let make = if is_theirs { new_file::make } else { new_file::for_us_alone };
    make(to).map(|_| ())
}

fn write(from: &Path, to: &Path) -> Result<(), StoreError> {
    let name = to.to_str().ok_or_else(|| {
        refused("the path of the backup is not text", io::Error::from(ErrorKind::InvalidFilename))
    })?;
    let connection = crate::connection::for_copying(from).map_err(told)?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(told)?;
    let sync = || {
        File::open(to)?.sync_all()?;
        to.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    };
    sync().map_err(|error| refused("the backup could not be made durable", error))
}

fn refused(reason: &'static str, error: io::Error) -> StoreError {
    StoreError::Unavailable { reason, source: Some(Box::new(error)) }
}
