//! Why a store was not opened: what is wrong, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use counterfoil_core::store::StoreError;

/// Why a store was not opened. Nothing was created or replaced then.
///
/// The message says what is wrong; [`hint`](Self::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory that the database is to lie in is not there.
    #[error("the directory {} does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// There is something, and it is no file.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// Another process, or another part of this one, has the database open.
    #[error("the database {} is in use", .0.display())]
    InUse(PathBuf),
    /// The file, or the directory that it lies in, can't be written.
    #[error("the database {} cannot be written", path.display())]
    ReadOnly {
        /// The file or the directory.
        path: PathBuf,
        /// What the system said, if it was asked.
        #[source]
        source: Option<io::Error>,
    },
    /// The file is no SQLite database, or a damaged one.
    #[error("{} is damaged or no database: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
        /// What SQLite said, if it was asked.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The file is an SQLite database of another program.
    #[error("{} is a database of another program (application id {id:#010x})", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        id: u32,
    },
    /// The database was written by a newer version of this program.
    #[error("the database {} has schema version {found}; this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that we know.
        known: u32,
    },
    /// The database is missing, and its write-ahead log is there: the newest commits are in it alone.
    #[error("the database {} is missing, but its write-ahead log is there", .0.display())]
    LogWithoutDatabase(PathBuf),
    /// The file system does not let the database be kept as it must be.
    #[error("the file system of {} cannot hold a write-ahead log", .0.display())]
    NoLog(PathBuf),
    /// The program was built with an SQLite that has known defects.
    #[error("SQLite {found} is too old")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// The system refused.
    #[error("the database {} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// SQLite refused.
    #[error("the database {} cannot be opened", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite or the migration said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    /// The same fault, told of another file: that of which the one at fault is a copy.
    pub(crate) fn about(mut self, file: &Path) -> Self {
        match &mut self {
            Self::NoDirectory(path)
            | Self::NotAFile(path)
            | Self::InUse(path)
            | Self::LogWithoutDatabase(path)
            | Self::NoLog(path)
            | Self::ReadOnly { path, .. }
            | Self::Damaged { path, .. }
            | Self::Foreign { path, .. }
            | Self::Newer { path, .. }
            | Self::Io { path, .. }
            | Self::Sqlite { path, .. } => *path = file.into(),
            Self::OldSqlite { .. } => {}
        }
        self
    }

    /// What to do about it, in a sentence for whoever runs the program.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoDirectory(_) => "create the directory, or name another one",
            Self::NotAFile(_) => "name the database file itself, not a directory or a device",
            Self::InUse(_) => {
                "stop the other process first; several nodes need PostgreSQL, as a file has one owner"
            }
            Self::ReadOnly { .. } => {
                "give the user of this process the right to write the file and its directory"
            }
            Self::Damaged { .. } => {
                "`counterfoil restore FILE` puts the newest backup in its place; nothing was changed"
            }
            Self::Foreign { .. } => "name another file; this one was not touched",
            Self::Newer { .. } => "run the newer version, or restore a backup from before the upgrade",
            Self::LogWithoutDatabase(_) => {
                "put the database file back beside its -wal file; move that away only if its commits may be lost"
            }
            Self::NoLog(_) => "keep the database on a local file system",
            Self::OldSqlite { .. } => "build with the bundled SQLite, 3.51.3 or newer",
            Self::Io { .. } => "check the path and the rights of the file and its directory",
            Self::Sqlite { .. } => {
                "check the free space of the disk; if it persists, put the newest backup back by `counterfoil restore`"
            }
        }
    }
}

/// A backup did not take the place of a database. Unless it says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The file is no backup that we could use.
    #[error("the backup cannot be restored")]
    Backup(#[source] OpenError),
    /// Its place can't be used.
    #[error(transparent)]
    Place(OpenError),
    /// It could not be copied beside its place.
    #[error("the backup cannot be copied beside {}", place.display())]
    NotCopied {
        /// The place.
        place: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The copy could not be closed as one whole file.
    #[error("the restored database could not be written as a whole")]
    NotClosed(#[source] StoreError),
    /// It could not be put in place, or what was there could not be set aside.
    #[error("the restored database could not be put in the place of {}", place.display())]
    NotPut {
        /// The place.
        place: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl RestoreError {
    /// What to do about it, in a sentence for whoever runs the program.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Backup(error @ (OpenError::Newer { .. } | OpenError::OldSqlite { .. })) => error.hint(),
            Self::Backup(OpenError::InUse(_)) => "take a backup of it first: `counterfoil backup FILE`",
            Self::Backup(_) => "name a file that `counterfoil backup` has written; nothing was changed",
            Self::Place(OpenError::InUse(_)) => "stop the server first; nothing was changed",
            Self::Place(error) => error.hint(),
            Self::NotCopied { .. } | Self::NotClosed(_) => {
                "there must be room for the backup beside the database; nothing was changed"
            }
            Self::NotPut { .. } => {
                "look at the disk; the next start goes on with it, or leaves everything as it was"
            }
        }
    }
}
