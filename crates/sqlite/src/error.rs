//! Errors of opening and restoring a database: what is wrong, and what to do.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use counterfoil_core::store::StoreError;
use counterfoil_files::path_hint;

use crate::file::lock_owner::LockOwner;

/// Why a store was not opened. No file was created or replaced then.
///
/// The message says what is wrong; [`hint`](Self::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory of the database does not exist.
    #[error("the directory {} does not exist", .0.display())]
    DirectoryNotFound(PathBuf),
    /// The path names something other than a regular file, or a link that another user made.
    #[error("{} is not a regular file, or a link of another user", .0.display())]
    NotAFile(PathBuf),
    /// Another process, or another store of this one, has the database open.
    #[error("the database {} is in use{}", path.display(), by(owner.as_ref()))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process that has it open, if that is known.
        owner: Option<LockOwner>,
    },
    /// The file or its directory cannot be written.
    #[error("the database {} cannot be written", path.display())]
    ReadOnly {
        /// The file or the directory.
        path: PathBuf,
        /// The error of the operating system, if a write was tried.
        #[source]
        source: Option<io::Error>,
    },
    /// Other users can replace the files in the directory, for example by a database with their own administrators.
    #[error("other users can replace the files in {} (mode {mode:04o})", directory.display())]
    WritableByOthers {
        /// The directory.
        directory: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is not an SQLite database, or it is damaged.
    #[error("{} is damaged or not a database: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
        /// The error of SQLite, if SQLite opened the file.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The schema is not the one that the migrations make: another program, or an attacker, has changed it. A trigger
    /// in it could undo revocations.
    #[error("the schema of the database {} was changed: {difference}", path.display())]
    ChangedSchema {
        /// The file.
        path: PathBuf,
        /// The first difference, which names the object.
        difference: String,
    },
    /// The file is an SQLite database of another program.
    #[error("{} is a database of another program (application id {id:#010x})", path.display())]
    OtherApplication {
        /// The file.
        path: PathBuf,
        /// Its application id.
        id: u32,
    },
    /// The database was written by a newer version of this program.
    #[error("the database {} has schema version {found}; this program supports up to {supported}", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest schema version that this program supports.
        supported: u32,
    },
    /// The database does not exist but its write-ahead log does, which holds the newest commits.
    #[error("the database {} is missing, but its write-ahead log exists", .0.display())]
    WalWithoutDatabase(PathBuf),
    /// The file system does not support a write-ahead log.
    #[error("the file system of {} does not support a write-ahead log", .0.display())]
    WalUnsupported(PathBuf),
    /// The program was built with an SQLite that has known defects.
    #[error("SQLite {found} is too old")]
    SqliteTooOld {
        /// Its version.
        found: &'static str,
    },
    /// The operating system returned an error.
    #[error("the database {} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// SQLite returned an error.
    #[error("the database {} cannot be opened", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The error of SQLite or of a migration.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// ` by ` and the process, if it is known.
fn by(owner: Option<&LockOwner>) -> String {
    owner.map(|owner| format!(" by {owner}")).unwrap_or_default()
}

impl OpenError {
    /// An error of the operating system about `path`.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::InvalidInput => Self::NotAFile(path.into()),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path: path.into(), source: Some(source) }
            }
            _ => Self::Io { path: path.into(), source },
        }
    }

    /// An error of SQLite about `path`, which may mean that the file is damaged.
    pub(crate) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None => {
                Self::Damaged { path, what: "SQLite cannot read it", source: Some(Box::new(error)) }
            }
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path, source: Some(io::Error::other(error)) },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path, owner: None },
            Some(_) => Self::Sqlite { path, source: Box::new(error) },
        }
    }

    /// A file that is not a complete Counterfoil database.
    pub(crate) fn damaged(path: &Path, what: &'static str) -> Self {
        Self::Damaged { path: path.into(), what, source: None }
    }

    /// The same error about `file`, of which the file with the error is a copy.
    pub(crate) fn with_path(mut self, file: &Path) -> Self {
        match &mut self {
            Self::DirectoryNotFound(path)
            | Self::NotAFile(path)
            | Self::InUse { path, .. }
            | Self::WalWithoutDatabase(path)
            | Self::WalUnsupported(path)
            | Self::WritableByOthers { directory: path, .. }
            | Self::ReadOnly { path, .. }
            | Self::Damaged { path, .. }
            | Self::ChangedSchema { path, .. }
            | Self::OtherApplication { path, .. }
            | Self::NewerSchema { path, .. }
            | Self::Io { path, .. }
            | Self::Sqlite { path, .. } => *path = file.into(),
            Self::SqliteTooOld { .. } => {}
        }
        self
    }

    /// What to do about it, as one sentence for the operator.
    pub fn hint(&self) -> String {
        let specific = match self {
            Self::Io { path, source } | Self::ReadOnly { path, source: Some(source) } => {
                path_hint(path, source)
            }
            Self::DirectoryNotFound(directory) => {
                path_hint(&directory.join("store"), &ErrorKind::NotFound.into())
            }
            _ => None,
        };
        specific.unwrap_or_else(|| self.general_hint().to_owned())
    }

    const fn general_hint(&self) -> &'static str {
        match self {
            Self::DirectoryNotFound(_) => "create the directory, or name another one",
            Self::NotAFile(_) => {
                "name the database file itself; no link, socket or directory may have its name or one of the names next to it"
            }
            Self::WritableByOthers { .. } => {
                "chmod o-w it, or name a new directory in it, which is created for this user alone"
            }
            Self::InUse { .. } => {
                "stop the other process first; a running server is administered through its --data-dir, an application that embeds the store through its administration API"
            }
            Self::ReadOnly { .. } => "allow the user of this process to write the file and its directory",
            Self::Damaged { .. } => {
                "`counterfoil restore FILE` replaces it with the newest backup; nothing was changed"
            }
            Self::ChangedSchema { .. } => {
                "find out who changed it; `counterfoil restore FILE` replaces it with a backup from before the change, and \
                 nothing was changed now"
            }
            Self::OtherApplication { .. } => "name another file; this one was not changed",
            Self::NewerSchema { .. } => "run the newer version, or restore a backup from before the upgrade",
            Self::WalWithoutDatabase(_) => {
                "put the database file back next to its -wal file; remove that file only if its commits may be lost"
            }
            Self::WalUnsupported(_) => "keep the database on a local file system",
            Self::SqliteTooOld { .. } => "build with the bundled SQLite, 3.51.3 or newer",
            Self::Io { .. } => "check the path and the permissions of the file and its directory",
            Self::Sqlite { .. } => {
                "check the free space of the disk; if it persists, restore the newest backup with `counterfoil restore`"
            }
        }
    }
}

/// Why a backup did not replace a database. Nothing was changed, except where a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup cannot be used.
    #[error("the backup cannot be restored")]
    Backup(#[source] OpenError),
    /// The database that would be replaced cannot be used.
    #[error(transparent)]
    Database(OpenError),
    /// The backup could not be copied next to the database.
    #[error("the backup cannot be copied next to {}", database.display())]
    Copy {
        /// The database that would be replaced.
        database: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The copy could not be closed as one complete file.
    #[error("the restored database could not be written completely")]
    Close(#[source] StoreError),
    /// The restored database or the former one could not be renamed. The next start completes the restore, or
    /// nothing was changed.
    #[error("the restored database could not replace {}", database.display())]
    Install {
        /// The database that would be replaced.
        database: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

impl RestoreError {
    /// What to do about it, as one sentence for the operator.
    pub fn hint(&self) -> String {
        let specific = match self {
            Self::Backup(error @ (OpenError::Io { .. } | OpenError::DirectoryNotFound(_))) => {
                Some(error.hint())
            }
            Self::Copy { database, source } | Self::Install { database, source } => {
                path_hint(database, source).map(|hint| format!("{hint}; {}", self.general_hint()))
            }
            Self::Database(error) if !matches!(error, OpenError::InUse { .. }) => Some(error.hint()),
            _ => None,
        };
        specific.unwrap_or_else(|| self.general_hint().to_owned())
    }

    const fn general_hint(&self) -> &'static str {
        match self {
            Self::Backup(error @ (OpenError::NewerSchema { .. } | OpenError::SqliteTooOld { .. })) => {
                error.general_hint()
            }
            Self::Backup(OpenError::InUse { .. }) => "create a backup of it first: `counterfoil backup FILE`",
            Self::Backup(OpenError::ChangedSchema { .. }) => {
                "restore a backup from before the change; what was added could undo revocations, and nothing was changed now"
            }
            Self::Backup(_) => "name a file that `counterfoil backup` has written; nothing was changed",
            Self::Database(OpenError::InUse { .. }) => "stop the server first; nothing was changed",
            Self::Database(error) => error.general_hint(),
            Self::Copy { .. } | Self::Close(_) => {
                "the disk must have room for a copy of the backup; nothing was changed"
            }
            Self::Install { .. } => {
                "check the disk; the next start completes the restore, or leaves the database as it was"
            }
        }
    }
}
