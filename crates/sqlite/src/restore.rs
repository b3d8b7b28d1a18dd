//! A backup on its way into the place of a database: copied beside it, judged, and marked by the caller.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use counterfoil_core::store::{Store, StoreError};

use crate::atomic_replace::{finished, roll_forward, staging};
use crate::error::{OpenError, RestoreError};
use crate::file_lock::{Owner, beside};
use crate::new_file;
use crate::open::{self, Opened};
use crate::store::SqliteStore;
use crate::sync_after_crash::sync_directory_of;

/// A backup on its way into the place of a database. Dropped before it is [`put`](Self::put), it leaves everything
/// as it was.
///
/// ```
/// use counterfoil_core::Store;
/// use counterfoil_sqlite::{Restoring, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let (path, backup) = (directory.path().join("auth.db"), directory.path().join("backup.db"));
/// let store = SqliteStore::open(&path)?;
/// store.backup(&backup).await?;
/// store.close().await?;
///
/// let restoring = Restoring::begin(&backup, &path)?;
/// // Here `restoring.store()` is marked, so that nothing that was revoked since the backup lives again.
/// let former = restoring.put().await?;
/// assert!(former.is_some_and(|former| former.exists()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Restoring {
    store: Arc<SqliteStore>,
    staging: Staging,
    place: PathBuf,
    /// Of the place: nobody opens what is there meanwhile.
    _owner: Owner,
}

impl Restoring {
    /// Copies `backup` beside `place` and judges it there, every page of it. An older schema is brought up.
    ///
    /// # Errors
    ///
    /// If the file is none of ours, damaged, or of a newer version; if somebody has the database at `place`
    /// open; or if there is no room. Nothing was changed then.
    pub fn begin(backup: &Path, place: &Path) -> Result<Self, RestoreError> {
        judge(backup).map_err(RestoreError::Backup)?;
        let place = open::resolve(place).map_err(RestoreError::Place)?;
        let owner = open::own(&place).map_err(RestoreError::Place)?;
        match Self::stage(backup, &place) {
            Ok((store, staging)) => Ok(Self { store, staging, place, _owner: owner }),
            Err(error) => {
                owner.withdraw();
                Err(error)
            }
        }
    }

    fn stage(backup: &Path, place: &Path) -> Result<(Arc<SqliteStore>, Staging), RestoreError> {
        let not_copied = |source| RestoreError::NotCopied { place: place.into(), source };
        roll_forward(place).map_err(not_copied)?;
        if backup.canonicalize().is_ok_and(|backup| backup != *place) {
            // A file that somebody writes to can't be copied whole.
            nobody_owns(backup).map_err(RestoreError::Backup)?;
        }
        let staging = Staging::make(place).map_err(not_copied)?;
        let path = staging.database();
        copy(backup, &path).map_err(not_copied)?;
        let store = open_whole(&path).map_err(|error| RestoreError::Backup(error.about(backup)))?;
        Ok((store, staging))
    }

    /// The store of the backup, to be marked. It is closed by [`put`](Self::put).
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    /// Puts it in place, durably, and says where the former database is kept, if there was one.
    ///
    /// # Errors
    ///
    /// If it could not be closed or moved. What was not put in place is thrown away; what was, but whose
    /// predecessor could not be set aside, is finished by whoever opens the database next.
    pub async fn put(self) -> Result<Option<PathBuf>, RestoreError> {
        let Self { store, staging, place, _owner } = self;
        store.close().await.map_err(RestoreError::NotClosed)?;
        drop(store);
        let not_put = |source| RestoreError::NotPut { place: place.clone(), source };
        // What was not brought in from the log when the store was closed would be lost.
        if beside(&staging.database(), "-wal").metadata().is_ok_and(|log| log.len() > 0) {
            return Err(RestoreError::NotClosed(StoreError::Poisoned));
        }
        staging.finish(&finished(&place)).map_err(not_put)?;
        roll_forward(&place).map_err(not_put)
    }
}

/// Judges a backup before anything of it is copied.
fn judge(backup: &Path) -> Result<(), OpenError> {
    let about = backup.metadata().map_err(|source| open::io_error(backup, source))?;
    open::judge_header(backup, &about)?;
    open::judge_log(backup)
}

fn nobody_owns(backup: &Path) -> Result<(), OpenError> {
    match File::open(beside(backup, ".lock")).map(|lock| lock.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => Err(OpenError::InUse(backup.into())),
        Ok(Ok(()) | Err(TryLockError::Error(_))) | Err(_) => Ok(()),
    }
}

/// Copies a database, and its log if there is one, for our eyes only.
fn copy(backup: &Path, to: &Path) -> io::Result<()> {
    for suffix in ["", "-wal"] {
        let mut from = match File::open(beside(backup, suffix)) {
            Err(error) if error.kind() == ErrorKind::NotFound && !suffix.is_empty() => continue,
            from => from?,
        };
        let mut to = new_file::make(&beside(to, suffix))?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()?;
    }
    Ok(())
}

/// Opens the copy, and reads every page and every reference of it: what is served for years is looked at once.
fn open_whole(path: &Path) -> Result<Arc<SqliteStore>, OpenError> {
    let owner = open::own(path)?;
    let connection = open::prepare(path)?;
    if !is_whole(&connection).map_err(|error| open::failed(path, error))? {
        return Err(open::damaged(path, "its pages, indices or references do not fit together"));
    }
    SqliteStore::start(Opened { connection, path: path.into(), owner })
}

fn is_whole(connection: &Connection) -> rusqlite::Result<bool> {
    let is_ok: bool =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| Ok(row.get::<_, String>(0)? == "ok"))?;
    Ok(is_ok && !connection.prepare("PRAGMA foreign_key_check")?.exists([])?)
}

/// The directory that a restored database is made in. It goes when this is dropped.
#[derive(Debug)]
struct Staging(PathBuf);

impl Staging {
    fn make(place: &Path) -> io::Result<Self> {
        let directory = staging(place);
        new_file::make_directory(&directory)?;
        Ok(Self(directory))
    }

    fn database(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// Gives the database, which is closed, its name beside its place. From here on it counts.
    fn finish(&self, to: &Path) -> io::Result<()> {
        File::open(self.database())?.sync_all()?;
        std::fs::rename(self.database(), to)?;
        sync_directory_of(to)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
