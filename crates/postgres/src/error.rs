//! Errors: of one statement, and of opening a store.

use std::time::Duration;

use crate::tls_error::TlsError;
use crate::url::UrlError;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// The server, or the connection to it.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection of the pool became free in time, or none could be made.
    #[error(transparent)]
    Pool(#[from] deadpool_postgres::PoolError),
    /// No encrypted connection could be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A column holds what this program never writes, or a value cannot be written.
    #[error("{0}")]
    InvalidValue(&'static str),
    /// A number that no column can hold.
    #[error("a number is too large for its column")]
    NumberTooLarge,
    /// Other processes have the store open, or a program has it for itself.
    #[error("another process has the store open")]
    Locked,
    /// A program had the store for itself since this process was connected last.
    #[error("the row of this process was removed")]
    Superseded,
    /// A standby was promoted since, and this server is not the primary any more.
    #[error("the server is a former primary: a standby was promoted since")]
    FormerPrimary,
    /// The connection took longer than allowed.
    #[error("the database did not answer in time")]
    TimedOut,
}

/// Why a store was not opened. Nothing was changed then.
///
/// The message says what is wrong; [`hint`](Self::hint) says what to do. Neither contains the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL of the database cannot be used.
    #[error("the URL of the database cannot be used")]
    Url(#[source] UrlError),
    /// The server cannot be reached, or it refuses the user.
    #[error("the database {database} cannot be reached")]
    Unreachable {
        /// Where it is, without the password.
        database: String,
        /// The error of the server or of the connection.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Other processes have the store open, or a program has it for itself, such as `store copy`.
    #[error("the database {database} is in use by another process")]
    InUse {
        /// Where it is, without the password.
        database: String,
    },
    /// The schema is newer than this program, and this program must not use it.
    #[error(
        "the database {database} has schema version {found}, and needs a program of version {min_reader} or newer; this \
         program has version {supported}"
    )]
    NewerSchema {
        /// Where it is, without the password.
        database: String,
        /// Its schema version.
        found: i64,
        /// The lowest schema version of a program that may use it.
        min_reader: i64,
        /// The schema version of this program.
        supported: i64,
    },
    /// Servers of an older version have the store open, and cannot use it after the migration.
    #[error(
        "the database {database} must be migrated, and servers of a version that cannot use it afterwards have it open"
    )]
    InUseByOlder {
        /// Where it is, without the password.
        database: String,
    },
    /// Another program has held a lock that the migration needs. It was tried again for a minute.
    #[error(
        "the tables in the database {database} were not migrated: for {} s another program held a lock that this needs: {holders}",
        .waited.as_secs()
    )]
    MigrationBlocked {
        /// Where it is, without the password.
        database: String,
        /// How long it was tried.
        waited: Duration,
        /// The sessions that hold locks of the tables, and since when.
        holders: String,
    },
    /// The database has no tables of a store.
    #[error("the database {database} has no store")]
    NoStore {
        /// Where it is, without the password.
        database: String,
    },
    /// A pooler gives each transaction another session.
    #[error(
        "the database {database} is behind a pooler that does not keep sessions, such as PgBouncer in transaction mode"
    )]
    SessionNotKept {
        /// Where it is, without the password.
        database: String,
    },
    /// The database does not store text as UTF-8.
    #[error("the database {database} has the encoding {encoding}, not UTF8")]
    Encoding {
        /// Where it is, without the password.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// The server accepts no writes.
    #[error("the database {database} accepts only reads")]
    ReadOnly {
        /// Where it is, without the password.
        database: String,
    },
    /// The tables cannot be created, changed or read.
    #[error("the tables in the database {database} cannot be created or read")]
    Schema {
        /// Where it is, without the password.
        database: String,
        /// The error of the server or of the migration.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    /// What to do about it, as one sentence for the operator.
    pub fn hint(&self) -> String {
        match self {
            Self::Url(error) => error.hint().to_owned(),
            Self::Unreachable { source, .. } => match source.downcast_ref() {
                Some(QueryError::Tls(error)) => error.hint().to_owned(),
                _ => "check that the server runs, and the host, the user and the password in the URL".to_owned(),
            },
            Self::InUse { .. } => {
                "stop every server that uses it, or wait until the copy or the restore has ended".to_owned()
            }
            Self::InUseByOlder { .. } => {
                "stop every server of the older version first: this upgrade cannot be done node by node".to_owned()
            }
            Self::MigrationBlocked { .. } => {
                "start again when that program, such as a backup, has ended, or end its session with `SELECT pg_terminate_backend(PID)`"
                    .to_owned()
            }
            Self::NewerSchema { .. } => {
                "run the newer version, or restore a backup from before the upgrade".to_owned()
            }
            Self::NoStore { .. } => {
                "name the database, and with `options=-csearch_path%3DSCHEMA` the schema, in which the store is"
                    .to_owned()
            }
            Self::SessionNotKept { .. } => {
                "name the database server itself, or a pooler with `pool_mode = session`: only a session keeps the lock of the \
                 store, and hears of the commits of other nodes"
                    .to_owned()
            }
            Self::Encoding { .. } => {
                "create the database with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`".to_owned()
            }
            Self::ReadOnly { .. } => "name the primary, not a standby".to_owned(),
            Self::Schema { .. } => {
                "the user must own the schema: `CREATE SCHEMA … AUTHORIZATION …`, or own the database"
                    .to_owned()
            }
        }
    }
}
