//! One process owns the file: a lock of the operating system, held for life.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::new_file;

/// The ownership of a database file. It ends when the value is dropped, or with the process, however it ends.
#[derive(Debug)]
pub(crate) struct Owner {
    /// Locked as long as it is open.
    _file: File,
    path: PathBuf,
    /// Whether the file of the lock was made for this owner.
    made: bool,
    /// A directory that goes with the owner: that of a store which was never meant to stay.
    temporary: Option<PathBuf>,
}

/// Why a database has no new owner.
#[derive(Debug)]
pub(crate) enum Unowned {
    /// It has one already.
    Taken,
    /// The file of the lock could not be made or locked.
    Failed(io::Error),
}

impl Owner {
    /// Becomes the owner of the database at the canonical `database`, or fails at once.
    ///
    /// The lock is a file beside the database and not the database itself: SQLite's own locks on that are
    /// lost when any descriptor of it is closed.
    pub(crate) fn of(database: &Path) -> Result<Self, Unowned> {
        let path = beside(database, ".lock");
        loop {
            let Some((file, made)) = lock_file(&path).map_err(Unowned::Failed)? else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Unowned::Taken),
                Err(TryLockError::Error(error)) => return Err(Unowned::Failed(error)),
            }
            // Who refused a database has removed the file again, perhaps after we opened it: a lock on a
            // file without a name keeps nobody out.
            if is_the_file_at(&file, &path) {
                return Ok(Self { _file: file, path, made, temporary: None });
            }
        }
    }

    /// The same owner, with a directory that goes with it.
    pub(crate) fn and_of(mut self, temporary: PathBuf) -> Self {
        self.temporary = Some(temporary);
        self
    }

    /// Gives up a database that is not to be touched, and leaves no trace.
    pub(crate) fn withdraw(self) {
        if self.made {
            // Under the lock, so nobody else can hold it. A failure leaves an empty file that harms nobody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(directory) = &self.temporary {
            // What can't be removed is left to the system, which empties that place by itself.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// The path beside `database` that ends with `suffix`.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The file of the lock, and whether it was made for this; nothing if it was withdrawn while we looked.
fn lock_file(path: &Path) -> io::Result<Option<(File, bool)>> {
    match new_file::make(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(|file| Some((file, true))),
    }
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => Ok(None),
        opened => opened.map(|file| Some((file, false))),
    }
}

fn is_the_file_at(file: &File, path: &Path) -> bool {
    let (Ok(held), Ok(named)) = (file.metadata(), path.metadata()) else { return false };
    held.ino() == named.ino() && held.dev() == named.dev()
}

/// Whether both are names of one file.
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    File::open(one).is_ok_and(|one| is_the_file_at(&one, other))
}
