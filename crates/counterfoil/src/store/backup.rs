//! A backup: written beside its name, and given it when it is whole and on the disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use counterfoil_core::store::{Store, StoreError};

use crate::fs::new_file::directory_of;

/// What happens to a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and there is no backup.
    Stays,
    /// The backup takes its place, once it is whole.
    IsReplaced,
}

/// There is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The name is taken.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// It is the name of a directory.
    #[error("{} is a directory", .0.display())]
    Directory(PathBuf),
    /// The installation itself lives on this file.
    #[error("{} belongs to this installation: a backup would take its place", .0.display())]
    Ours(PathBuf),
    /// Somebody writes to the same name, or did until they were cut off.
    #[error("a backup to {} is under way, or was cut off", .0.display())]
    UnderWay(PathBuf),
    /// The store did not give it, or the disk did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be given its name.
    #[error("{} cannot be made", file.display())]
    NotNamed {
        /// The name.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => Some("name a new file, or replace this one with --force".into()),
            Self::Directory(_) => Some("name a new file in it".into()),
            Self::Ours(_) => Some("name another file, best of all on another disk".into()),
            Self::UnderWay(file) => {
                Some(format!("if none is under way, remove {}", unfinished(file).display()))
            }
            Self::Store(_) | Self::NotNamed { .. } => None,
        }
    }
}

/// Where a backup to `file` is written before it is whole.
pub fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Refuses to have a backup take the place of one of the files that the installation lives on, by whatever name.
///
/// # Errors
///
/// If `file` is, leads to, or would become one of `own`.
pub(crate) fn spare(own: &[PathBuf], file: &Path) -> Result<(), BackupError> {
    match own.iter().any(|own| is_one(own, file)) {
        true => Err(BackupError::Ours(file.into())),
        false => Ok(()),
    }
}

/// Whether both are names of one file, which need not be there yet.
fn is_one(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().map(|about| (about.dev(), about.ino())).ok();
    let known = identity(one).is_some_and(|one| identity(other) == Some(one));
    known || place_of(one).is_some_and(|one| place_of(other) == Some(one))
}

/// The one absolute name of a file that need not be there.
fn place_of(file: &Path) -> Option<PathBuf> {
    Some(directory_of(file).canonicalize().ok()?.join(file.file_name()?))
}

/// Writes a consistent copy of `store` to `file`; tells its length in bytes.
pub(crate) async fn write(store: &dyn Store, file: &Path, existing: Existing) -> Result<u64, BackupError> {
    let unfinished = unfinished(file);
    judge(file, &unfinished, existing)?;
    store.backup(&unfinished).await?;
    let put = put(&unfinished, file, existing);
    if put.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    put.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(file.into()),
        _ => BackupError::NotNamed { file: file.into(), source },
    })
}

/// Looks at the names before a copy is made that may take minutes.
fn judge(file: &Path, unfinished: &Path, existing: Existing) -> Result<(), BackupError> {
    if file.file_name().is_none() || file.is_dir() {
        return Err(BackupError::Directory(file.into()));
    }
    if existing == Existing::Stays && file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(file.into()));
    }
    if unfinished.symlink_metadata().is_ok() {
        return Err(BackupError::UnderWay(file.into()));
    }
    Ok(())
}

/// Gives the finished file its name, durably.
fn put(unfinished: &Path, file: &Path, existing: Existing) -> io::Result<u64> {
    let length = unfinished.metadata()?.len();
    match existing {
        Existing::IsReplaced => std::fs::rename(unfinished, file)?,
        Existing::Stays => give_a_free_name(unfinished, file)?,
    }
    let directory = file.parent().unwrap_or(Path::new("/"));
    File::open(directory)?.sync_all()?;
    Ok(length)
}

/// Linked, because that fails where somebody was faster. Some file systems have no links; there the name is looked
/// at once more.
fn give_a_free_name(unfinished: &Path, file: &Path) -> io::Result<()> {
    match std::fs::hard_link(unfinished, file) {
        Ok(()) => std::fs::remove_file(unfinished),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if file.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(unfinished, file),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::Arc;

    use counterfoil_sqlite::SqliteStore;
    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, Arc<SqliteStore>, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup.db");
        (dir, SqliteStore::in_memory().unwrap(), file)
    }

    #[tokio::test]
    async fn a_backup_has_its_name_alone_and_is_for_its_owner() {
        let (dir, store, file) = place();

        let length = write(&*store, &file, Existing::Stays).await.unwrap();

        let about = file.metadata().unwrap();
        assert_eq!((about.len(), about.mode() & 0o777, about.nlink()), (length, 0o600, 1));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_is_there_is_replaced_only_by_a_whole_one_and_only_if_that_is_wanted() {
        let (_dir, store, file) = place();
        fs::write(&file, "precious").unwrap();

        assert!(matches!(write(&*store, &file, Existing::Stays).await, Err(BackupError::Exists(_))));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        write(&*store, &file, Existing::IsReplaced).await.unwrap();
        assert!(SqliteStore::open(&file).is_ok());
        store.close().await.unwrap();
        fs::write(&file, "precious").unwrap();
        assert!(matches!(write(&*store, &file, Existing::IsReplaced).await, Err(BackupError::Store(_))));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    #[test]
    fn what_the_installation_lives_on_is_told_by_whatever_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let own = [at("auth.db"), at("auth.db-wal")];
        fs::write(&own[0], "precious").unwrap();
        fs::create_dir(at("sub")).unwrap();
        std::os::unix::fs::symlink(&own[0], at("symbolic")).unwrap();
        fs::hard_link(&own[0], at("hard")).unwrap();
        std::os::unix::fs::symlink(dir.path(), at("sub/back")).unwrap();

        for file in ["auth.db", "./auth.db", "sub/../auth.db", "sub/back/auth.db-wal", "symbolic", "hard"] {
            assert!(matches!(spare(&own, &at(file)), Err(BackupError::Ours(_))), "{file}");
        }
        for file in ["auth.db.1", "sub/auth.db", "missing/auth.db"] {
            assert!(spare(&own, &at(file)).is_ok(), "{file}");
        }
    }

    #[tokio::test]
    async fn one_that_was_cut_off_is_told_of() {
        let (dir, store, file) = place();
        fs::write(unfinished(&file), "half").unwrap();

        let error = write(&*store, &file, Existing::Stays).await.unwrap_err();

        assert!(matches!(error, BackupError::UnderWay(_)), "{error}");
        assert!(error.hint().unwrap().contains("backup.db.partial"));
        assert!(!file.exists());
        let directory = write(&*store, dir.path(), Existing::IsReplaced).await;
        assert!(matches!(directory, Err(BackupError::Directory(_))));
    }
}
