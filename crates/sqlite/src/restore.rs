//! Restoring a backup: it is copied next to the database, checked, changed by the caller, and then installed.

use std::fs::TryLockError;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use counterfoil_core::store::{Store, StoreError};
use counterfoil_files::{
    Access, create, create_directory, open_regular, parent_directory, resolve_link, with_suffix,
};

use crate::error::{OpenError, RestoreError};
use crate::file::atomic_replace::{restored_database, roll_forward, staging_directory};
use crate::file::check::{check_header, check_wal};
use crate::file::file_lock::FileLock;
use crate::file::open::{self, OpenedDatabase};
use crate::file::sync_after_crash::sync_directory_of;
use crate::store::SqliteStore;

/// A backup that is about to replace a database. If it is dropped before [`install`](Self::install), nothing
/// changes.
///
/// ```
/// use counterfoil_core::{FileBackup, Store};
/// use counterfoil_sqlite::{PendingRestore, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let (path, backup) = (directory.path().join("auth.db"), directory.path().join("backup.db"));
/// let store = SqliteStore::open(&path)?;
/// store.backup(&backup).await?;
/// store.close().await?;
///
/// let restore = PendingRestore::prepare(&backup, &path)?;
/// // Here a cutoff is set in `restore.store()`, so that what was revoked since the backup stays revoked.
/// let former = restore.install().await?;
/// assert!(former.is_some_and(|former| former.exists()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PendingRestore {
    store: Arc<SqliteStore>,
    staging: Staging,
    database: PathBuf,
    /// The lock of the database that is replaced, so that no process opens it meanwhile.
    _lock: FileLock,
}

impl PendingRestore {
    /// Copies `backup` next to `database`, checks every page of the copy, and migrates an older schema.
    ///
    /// # Errors
    ///
    /// If the file is not a Counterfoil database, is damaged, or has a newer schema; if the database or the
    /// backup is in use; or if the disk has no room. Nothing was changed then.
    pub fn prepare(backup: &Path, database: &Path) -> Result<Self, RestoreError> {
        let backup = resolve_link(backup)
            .map_err(|source| RestoreError::Backup(OpenError::from_io(backup, source)))?;
        check_backup(&backup).map_err(RestoreError::Backup)?;
        let database = open::canonical_path(database).map_err(RestoreError::Database)?;
        let lock = open::lock(&database).map_err(RestoreError::Database)?;
        match Self::stage(&backup, &database) {
            Ok((store, staging)) => Ok(Self { store, staging, database, _lock: lock }),
            Err(error) => {
                lock.release();
                Err(error)
            }
        }
    }

    fn stage(backup: &Path, database: &Path) -> Result<(Arc<SqliteStore>, Staging), RestoreError> {
        let copy_error = |source| RestoreError::Copy { database: database.into(), source };
        roll_forward(database).map_err(copy_error)?;
        if backup.canonicalize().is_ok_and(|backup| backup != *database) {
            // A copy of a file that is being written would be inconsistent.
            check_not_in_use(backup).map_err(RestoreError::Backup)?;
        }
        let staging = Staging::create(database).map_err(copy_error)?;
        let path = staging.database();
        copy(backup, &path).map_err(copy_error)?;
        let store = open_checked(&path).map_err(|error| RestoreError::Backup(error.with_path(backup)))?;
        Ok((store, staging))
    }

    /// The store of the backup, to be changed before it is installed. [`install`](Self::install) closes it.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    /// Replaces the database durably. Returns the path of the former database, if one existed.
    ///
    /// # Errors
    ///
    /// If the copy could not be closed or renamed. Before the rename to its final name the copy is discarded;
    /// after it, the next start completes the restore.
    pub async fn install(self) -> Result<Option<PathBuf>, RestoreError> {
        let Self { store, staging, database, _lock } = self;
        store.close().await.map_err(RestoreError::Close)?;
        drop(store);
        let install_error = |source| RestoreError::Install { database: database.clone(), source };
        // Commits that are still in the write-ahead log would be lost.
        if with_suffix(&staging.database(), "-wal").symlink_metadata().is_ok_and(|wal| wal.len() > 0) {
            return Err(RestoreError::Close(StoreError::Poisoned));
        }
        staging.finish(&restored_database(&database)).map_err(install_error)?;
        roll_forward(&database).map_err(install_error)
    }
}

/// Checks a backup before it is copied.
fn check_backup(backup: &Path) -> Result<(), OpenError> {
    let metadata = backup.metadata().map_err(|source| OpenError::from_io(backup, source))?;
    check_header(backup, &metadata)?;
    check_wal(backup)
}

fn check_not_in_use(backup: &Path) -> Result<(), OpenError> {
    match open_regular(&with_suffix(backup, ".lock"), Access::Read).map(|lock| lock.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Err(OpenError::InUse { path: backup.into(), owner: None }),
        Ok(Ok(()) | Err(TryLockError::Error(_))) | Err(_) => Ok(()),
    }
}

/// Copies a database, and its write-ahead log if it has one, to private files.
fn copy(backup: &Path, to: &Path) -> io::Result<()> {
    for suffix in ["", "-wal"] {
        let mut from = match open_regular(&with_suffix(backup, suffix), Access::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound && !suffix.is_empty() => continue,
            from => from?,
        };
        let to = with_suffix(to, suffix);
        let mut to = create(&to, parent_directory(&to))?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()?;
    }
    Ok(())
}

/// Opens the copy, and checks every page and every foreign key of it.
fn open_checked(path: &Path) -> Result<Arc<SqliteStore>, OpenError> {
    let lock = open::lock(path)?;
    let connection = open::open_or_create(path)?;
    if !passes_full_check(&connection).map_err(|error| OpenError::from_sqlite(path, error))? {
        return Err(OpenError::damaged(path, "its pages, indexes or foreign keys are inconsistent"));
    }
    SqliteStore::start(OpenedDatabase { connection, path: path.into(), lock })
}

fn passes_full_check(connection: &Connection) -> rusqlite::Result<bool> {
    let is_ok: bool =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))?;
    Ok(is_ok && !connection.prepare("PRAGMA foreign_key_check")?.exists([])?)
}

/// The directory in which the restored database is prepared. It is deleted when this is dropped.
#[derive(Debug)]
struct Staging(PathBuf);

impl Staging {
    fn create(database: &Path) -> io::Result<Self> {
        let directory = staging_directory(database);
        create_directory(&directory)?;
        Ok(Self(directory))
    }

    fn database(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// Renames the closed database to `to`. From then on the next start installs it.
    fn finish(&self, to: &Path) -> io::Result<()> {
        open_regular(&self.database(), Access::Read)?.sync_all()?;
        std::fs::rename(self.database(), to)?;
        sync_directory_of(to)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next start deletes what cannot be deleted now.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
