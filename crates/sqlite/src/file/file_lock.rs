//! The lock of a database file: only one process may open it at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use counterfoil_files::{Access, create, open_regular, parent_directory, remove_regular, with_suffix};

use crate::file::lock_owner::LockOwner;

/// The exclusive lock of a database file. It is released when the value is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct FileLock {
    /// Locked as long as it is open.
    _file: File,
    path: PathBuf,
    /// Whether the lock file was created for this lock.
    is_new: bool,
    /// The directory of a temporary store, deleted with the lock.
    temporary_directory: Option<PathBuf>,
}

/// Why a database was not locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process, or another store of this one, has locked it. The process, if it is known.
    InUse(Option<LockOwner>),
    /// The lock file could not be created or locked.
    Io(io::Error),
}

impl FileLock {
    /// Locks the database at the canonical path `database`, or fails at once.
    ///
    /// The lock is on a file next to the database and not on the database itself: SQLite's own locks on a
    /// file are lost when any descriptor of that file is closed.
    pub(crate) fn acquire(database: &Path) -> Result<Self, LockError> {
        let path = with_suffix(database, ".lock");
        loop {
            let Some((file, is_new)) = open_lock_file(&path).map_err(LockError::Io)? else { continue };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(LockError::InUse(LockOwner::of(&file))),
                Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
            }
            // A process that refused the database may have removed the lock file after it was opened here. A
            // lock on a removed file excludes no other process.
            if is_file_at(&file, &path) {
                return Ok(Self { _file: file, path, is_new, temporary_directory: None });
            }
        }
    }

    /// Adds a directory that is deleted with the lock.
    pub(crate) fn with_temporary_directory(mut self, directory: PathBuf) -> Self {
        self.temporary_directory = Some(directory);
        self
    }

    /// Releases the lock of a database that is refused, and removes the lock file if it is new.
    pub(crate) fn release(self) {
        if self.is_new {
            // Still locked, so no other process holds it. A failure leaves an empty file, which is harmless.
            let _ = remove_regular(&self.path);
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some(directory) = &self.temporary_directory {
            // After a failure the operating system's cleanup of temporary files deletes it.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// Opens or creates the lock file, and returns whether it is new; `None` if it was removed meanwhile. A link in its place
/// is refused: the user of a service could have root open any file by it.
fn open_lock_file(path: &Path) -> io::Result<Option<(File, bool)>> {
    match create(path, parent_directory(path)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created.map(|file| Some((file, true))),
    }
    match open_regular(path, Access::ReadWrite) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => Ok(None),
        opened => opened.map(|file| Some((file, false))),
    }
}

fn is_file_at(file: &File, path: &Path) -> bool {
    let (Ok(held), Ok(named)) = (file.metadata(), path.symlink_metadata()) else { return false };
    held.ino() == named.ino() && held.dev() == named.dev()
}
