//! Writes a backup to a temporary file, and gives it its name when it is complete and on the disk.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use counterfoil_core::store::{FileBackup, StoreError};
use counterfoil_files::{
    check_replaceable, check_writable_directory, mode_if_writable_by_others, parent_directory, path_hint,
    remove_regular, with_suffix,
};

use crate::fs::atomic_write::{ExistingFile, publish};

/// The backup was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file exists.
    #[error("{} already exists", .0.display())]
    AlreadyExists(PathBuf),
    /// The path names a directory.
    #[error("{} is a directory", .0.display())]
    IsDirectory(PathBuf),
    /// The path names a link, a socket, a pipe or a device, which is never replaced.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// Other users could replace the backup by one of their own, which would be restored later.
    #[error("other users can replace the files in {} (mode {mode:04o})", dir.display())]
    InsecureDirectory {
        /// The directory of the backup.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The backup would replace a file that the installation needs.
    #[error("{} belongs to this installation: the backup would replace it", .0.display())]
    OwnFile(PathBuf),
    /// Another backup to the same file is being written, or was interrupted.
    #[error("a backup to {} is in progress or was interrupted", .0.display())]
    InProgress(PathBuf),
    /// The store is not a file.
    #[error("this command cannot back up a store that is not a file")]
    NotAFile,
    /// The copy cannot be written.
    #[error("the backup {} cannot be written", file.display())]
    NotWritten {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The finished copy cannot be renamed.
    #[error("{} cannot be created", file.display())]
    NotCreated {
        /// The file.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    /// What to do about it, if anything can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AlreadyExists(_) => Some("name a new file, or replace this one with --force".into()),
            Self::IsDirectory(_) => Some("name a new file in it".into()),
            Self::NotRegular(_) => Some("name another file; nothing was changed".into()),
            Self::InsecureDirectory { .. } => Some("chmod o-w the directory, or name another one".into()),
            Self::OwnFile(_) => Some("name another file, preferably on another disk".into()),
            Self::InProgress(file) => {
                Some(format!("if no backup is in progress, remove {}", partial_path(file).display()))
            }
            Self::NotAFile => Some("use the backup tools of the database server".into()),
            Self::NotWritten { file, source } | Self::NotCreated { file, source } => path_hint(file, source),
            Self::Store(_) => None,
        }
    }
}

/// The temporary file of a backup to `file`; its length shows the progress.
pub fn partial_path(file: &Path) -> PathBuf {
    with_suffix(file, ".partial")
}

/// Checks that `file` is not one of the files that the installation needs, under any name.
///
/// # Errors
///
/// If `file` is, links to, or would become one of `own_files`.
pub(crate) fn check_not_own_file(own_files: &[PathBuf], file: &Path) -> Result<(), BackupError> {
    match own_files.iter().any(|own| is_same_file(own, file)) {
        true => Err(BackupError::OwnFile(file.into())),
        false => Ok(()),
    }
}

/// Whether both paths name one file, which need not exist yet.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
    let is_same_inode = identity(one).is_some_and(|one| identity(other) == Some(one));
    is_same_inode || canonical(one).is_some_and(|one| canonical(other) == Some(one))
}

/// The canonical path of a file that need not exist.
fn canonical(file: &Path) -> Option<PathBuf> {
    Some(parent_directory(file).canonicalize().ok()?.join(file.file_name()?))
}

/// Writes a consistent copy of `store` to `file`; returns its length in bytes. `None` is a store that is not a
/// file.
pub(crate) async fn write(
    store: Option<&dyn FileBackup>,
    file: &Path,
    existing: ExistingFile,
) -> Result<u64, BackupError> {
    let store = store.ok_or(BackupError::NotAFile)?;
    let partial = partial_path(file);
    check_paths(file, &partial, existing)?;
    store.backup(&partial).await.map_err(|error| copy_error(error, file))?;
    let published =
        partial.metadata().and_then(|copy| publish(&partial, file, existing).map(|()| copy.len()));
    if published.is_err() {
        let _ = remove_regular(&partial);
    }
    published.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::AlreadyExists(file.into()),
        io::ErrorKind::InvalidInput => BackupError::NotRegular(file.into()),
        _ => BackupError::NotCreated { file: file.into(), source },
    })
}

/// Separates an error of the file system at the copy from one of the store.
fn copy_error(error: StoreError, file: &Path) -> BackupError {
    match error {
        StoreError::Unavailable { reason, source: Some(source) } => match source.downcast::<io::Error>() {
            Ok(source) => BackupError::NotWritten { file: file.into(), source: *source },
            Err(source) => StoreError::Unavailable { reason, source: Some(source) }.into(),
        },
        error => error.into(),
    }
}

/// Checks the paths before a copy is made that may take minutes.
fn check_paths(file: &Path, partial: &Path, existing: ExistingFile) -> Result<(), BackupError> {
    if file.file_name().is_none() || file.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(BackupError::IsDirectory(file.into()));
    }
    let dir = parent_directory(file);
    check_writable_directory(dir).map_err(|source| BackupError::NotWritten { file: file.into(), source })?;
    if let Ok(Some(mode)) = mode_if_writable_by_others(dir) {
        return Err(BackupError::InsecureDirectory { dir: dir.into(), mode });
    }
    if existing == ExistingFile::Keep && file.symlink_metadata().is_ok() {
        return Err(BackupError::AlreadyExists(file.into()));
    }
    if check_replaceable(file).is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput) {
        return Err(BackupError::NotRegular(file.into()));
    }
    if partial.symlink_metadata().is_ok() {
        return Err(BackupError::InProgress(file.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;
    use std::sync::Arc;

    use counterfoil_core::store::Store as _;
    use counterfoil_sqlite::SqliteStore;
    use tempfile::TempDir;

    use super::*;

    fn store_and_file() -> (TempDir, Arc<SqliteStore>, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup.db");
        (dir, SqliteStore::in_memory().unwrap(), file)
    }

    #[tokio::test]
    async fn a_backup_is_one_file_for_its_owner_alone() {
        let (dir, store, file) = store_and_file();

        let length = write(Some(&*store), &file, ExistingFile::Keep).await.unwrap();

        let metadata = file.metadata().unwrap();
        assert_eq!((metadata.len(), metadata.mode() & 0o777, metadata.nlink()), (length, 0o600, 1));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_existing_file_is_replaced_only_on_request_and_only_by_a_complete_backup() {
        let (_dir, store, file) = store_and_file();
        fs::write(&file, "precious").unwrap();

        let refused = write(Some(&*store), &file, ExistingFile::Keep).await;
        assert!(matches!(refused, Err(BackupError::AlreadyExists(_))));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        write(Some(&*store), &file, ExistingFile::Replace).await.unwrap();
        assert!(SqliteStore::open(&file).is_ok());
        store.close().await.unwrap();
        fs::write(&file, "precious").unwrap();
        let failed = write(Some(&*store), &file, ExistingFile::Replace).await;
        assert!(matches!(failed, Err(BackupError::Store(_))));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    /// The socket of a running service, or a link that an operator made, would be lost.
    #[tokio::test]
    async fn only_a_regular_file_is_replaced() {
        let (dir, store, _) = store_and_file();
        let at = |name: &str| dir.path().join(name);
        let _socket = UnixListener::bind(at("socket")).unwrap();
        fs::write(at("target"), "precious").unwrap();
        symlink(at("target"), at("link")).unwrap();
        symlink(at("missing"), at("dangling")).unwrap();

        for name in ["socket", "link", "dangling"] {
            let refused = write(Some(&*store), &at(name), ExistingFile::Replace).await;
            assert!(matches!(refused, Err(BackupError::NotRegular(_))), "{name}: {refused:?}");
            assert!(!at(name).symlink_metadata().unwrap().is_file(), "{name}");
        }
        assert_eq!(fs::read(at("target")).unwrap(), b"precious");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "no temporary file is left");
    }

    #[tokio::test]
    async fn no_backup_is_written_where_others_can_replace_it() {
        let (dir, store, file) = store_and_file();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();

        let refused = write(Some(&*store), &file, ExistingFile::Keep).await;

        assert!(matches!(refused, Err(BackupError::InsecureDirectory { mode: 0o777, .. })), "{refused:?}");
    }

    #[test]
    fn files_of_the_installation_are_recognized_under_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let own = [at("auth.db"), at("auth.db-wal")];
        fs::write(&own[0], "precious").unwrap();
        fs::create_dir(at("sub")).unwrap();
        std::os::unix::fs::symlink(&own[0], at("symbolic")).unwrap();
        fs::hard_link(&own[0], at("hard")).unwrap();
        std::os::unix::fs::symlink(dir.path(), at("sub/back")).unwrap();

        for file in ["auth.db", "./auth.db", "sub/../auth.db", "sub/back/auth.db-wal", "symbolic", "hard"] {
            let refused = check_not_own_file(&own, &at(file));
            assert!(matches!(refused, Err(BackupError::OwnFile(_))), "{file}");
        }
        for file in ["auth.db.1", "sub/auth.db", "missing/auth.db"] {
            assert!(check_not_own_file(&own, &at(file)).is_ok(), "{file}");
        }
    }

    #[tokio::test]
    async fn a_store_without_a_file_is_not_backed_up() {
        let dir = tempfile::tempdir().unwrap();

        let error = write(None, &dir.path().join("backup.db"), ExistingFile::Keep).await.unwrap_err();

        assert!(matches!(error, BackupError::NotAFile), "{error}");
        assert!(error.hint().unwrap().contains("database server"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn an_interrupted_backup_is_reported_with_a_hint() {
        let (dir, store, file) = store_and_file();
        fs::write(partial_path(&file), "half").unwrap();

        let error = write(Some(&*store), &file, ExistingFile::Keep).await.unwrap_err();

        assert!(matches!(error, BackupError::InProgress(_)), "{error}");
        assert!(error.hint().unwrap().contains("backup.db.partial"));
        assert!(!file.exists());
        let directory = write(Some(&*store), dir.path(), ExistingFile::Replace).await;
        assert!(matches!(directory, Err(BackupError::IsDirectory(_))));
    }
}
