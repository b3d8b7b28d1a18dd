//! What an error of SQLite means: for one record, for one batch, or for the whole store.

use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use counterfoil_core::store::StoreError;

/// What the caller is told of an error of SQLite.
pub(crate) fn told(error: rusqlite::Error) -> StoreError {
    told_again(&Arc::new(error))
}

/// The same, for the next caller of a batch that failed with this error.
pub(crate) fn told_again(error: &Arc<rusqlite::Error>) -> StoreError {
    let source = Some(Box::new(Arc::clone(error)) as Box<dyn std::error::Error + Send + Sync>);
    match (unreadable(error), error.sqlite_error_code()) {
        (Some(what), _) => StoreError::Corrupt { what, source },
        (None, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
            StoreError::Corrupt { what: "the database file is damaged", source }
        }
        (None, code) => StoreError::Unavailable { reason: reason(code), source },
    }
}

/// What is wrong with a value, if the error is about one.
fn unreadable(error: &rusqlite::Error) -> Option<&'static str> {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => Some("a column holds no value of its kind"),
        rusqlite::Error::ToSqlConversionFailure(_) => Some("a number that no column can hold"),
        _ => None,
    }
}

fn reason(code: Option<ErrorCode>) -> &'static str {
    match code {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program locks the database",
        Some(ErrorCode::ReadOnly) => "the database can only be read",
        Some(ErrorCode::SystemIoFailure) => "reading or writing the database failed",
        Some(ErrorCode::OutOfMemory) => "there is no memory left",
        Some(ErrorCode::ConstraintViolation) => "a record breaks a rule of the schema",
        _ => "the database refused",
    }
}

/// Whether an error of `COMMIT` leaves it open what is on the disk.
///
/// SQLite writes the frames of a commit to the write-ahead log, syncs, and only then shows them to readers.
/// Two errors come with certainty before the frame that completes the commit stands on the disk: the log
/// could not grow ([`DiskFull`](ErrorCode::DiskFull): a frame that is cut short has no valid checksum), and
/// a lock was not had ([`DatabaseBusy`](ErrorCode::DatabaseBusy)). SQLite has rolled back then, the next
/// commit writes over the same frames, and nothing is lost. After any other error (a write or a sync that
/// failed, the index of the log that could not grow after the sync) the frames may be found by the next
/// start or may not.
pub(crate) fn leaves_open_what_was_committed(error: &rusqlite::Error) -> bool {
    !matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy))
}

/// Whether a sync failed. Nothing that the kernel holds of the file can be trusted then, whatever was being
/// done: it may have dropped what it could not write, and the next sync would succeed.
pub(crate) fn is_failed_sync(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_extended_error_code(), Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

/// Whether there was no room on the disk.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// Whether the error is of one statement alone, so that the others of its transaction are untouched.
pub(crate) fn is_of_one_statement(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::ConstraintViolation
                | ErrorCode::TooBig
                | ErrorCode::TypeMismatch
                | ErrorCode::ParameterOutOfRange
        ),
        // Not SQLite's at all: a value that could not be converted.
        None => true,
    }
}

/// Whether a row refers to a row that is not there.
pub(crate) fn is_dangling(error: &rusqlite::Error) -> bool {
    error.sqlite_extended_error_code() == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn only_a_full_disk_and_a_lost_lock_leave_a_commit_certain() {
        for certain in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT] {
            assert!(!leaves_open_what_was_committed(&sqlite(certain)), "{certain}");
        }
        for open in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_CORRUPT,
        ] {
            assert!(leaves_open_what_was_committed(&sqlite(open)), "{open}");
        }
    }

    #[test]
    fn a_failed_sync_is_told_from_a_failed_write() {
        assert!(is_failed_sync(&sqlite(ffi::SQLITE_IOERR_FSYNC)));
        assert!(!is_failed_sync(&sqlite(ffi::SQLITE_IOERR_WRITE)));
    }
}
