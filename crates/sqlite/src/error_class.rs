//! What an SQLite error means: for one record, for one batch, or for the whole store.

use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use counterfoil_core::store::StoreError;

/// The store error that a caller gets for an SQLite error.
pub(crate) fn map_error(error: rusqlite::Error) -> StoreError {
    map_shared_error(&Arc::new(error))
}

/// As [`map_error`], for each caller of a batch that failed with this error.
pub(crate) fn map_shared_error(error: &Arc<rusqlite::Error>) -> StoreError {
    let source = Some(Box::new(Arc::clone(error)) as Box<dyn std::error::Error + Send + Sync>);
    match (invalid_value(error), error.sqlite_error_code()) {
        (Some(detail), _) => StoreError::Corrupt { detail, source },
        (None, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
            StoreError::Corrupt { detail: "the database file is damaged", source }
        }
        (None, code) => match reason(code) {
            Some(reason) => StoreError::Unavailable { reason, source },
            None => StoreError::Backend(Box::new(Arc::clone(error))),
        },
    }
}

/// What is wrong with a value, if the error is about one.
fn invalid_value(error: &rusqlite::Error) -> Option<&'static str> {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => Some("a column holds an invalid value"),
        rusqlite::Error::ToSqlConversionFailure(_) => Some("a number is too large for its column"),
        _ => None,
    }
}

/// Why the database cannot be used now, if the error says so.
fn reason(code: Option<ErrorCode>) -> Option<&'static str> {
    Some(match code {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program locks the database",
        Some(ErrorCode::ReadOnly) => "the database is read-only",
        Some(ErrorCode::SystemIoFailure) => "reading or writing the database failed",
        Some(ErrorCode::OutOfMemory) => "out of memory",
        Some(ErrorCode::ConstraintViolation) => "a record violates a constraint of the schema",
        _ => return None,
    })
}

/// Whether the outcome of a `COMMIT` that failed with this error is unknown.
///
/// SQLite writes the frames of a commit to the write-ahead log, syncs, and only then makes them visible to
/// readers. Two errors are certain to occur before the frame that completes the commit is on the disk: the
/// log could not grow ([`DiskFull`](ErrorCode::DiskFull): a truncated frame has no valid checksum), and a
/// lock was not obtained ([`DatabaseBusy`](ErrorCode::DatabaseBusy)). SQLite has then rolled back, the next
/// commit overwrites the same frames, and nothing is lost. After any other error (a failed write, a failed
/// sync, an index of the log that could not grow after the sync) the next start may or may not find the
/// frames.
pub(crate) fn is_commit_outcome_unknown(error: &rusqlite::Error) -> bool {
    !matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy))
}

/// Whether a sync failed. The kernel's cached pages of the file cannot be trusted then, whatever the
/// operation was: it may have dropped pages that it could not write, and the next sync would succeed.
pub(crate) fn is_failed_sync(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_extended_error_code(), Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

/// Whether the disk is full.
pub(crate) fn is_disk_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// Whether only one statement failed, so that the other statements of its transaction are unaffected.
pub(crate) fn is_statement_error(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::ConstraintViolation
                | ErrorCode::TooBig
                | ErrorCode::TypeMismatch
                | ErrorCode::ParameterOutOfRange
        ),
        // Not from SQLite: a value could not be converted.
        None => true,
    }
}

/// Whether a row refers to a row that does not exist.
pub(crate) fn is_foreign_key_violation(error: &rusqlite::Error) -> bool {
    error.sqlite_extended_error_code() == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite_error(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn the_outcome_of_a_commit_is_known_only_after_a_full_disk_and_a_missed_lock() {
        for known in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT] {
            assert!(!is_commit_outcome_unknown(&sqlite_error(known)), "{known}");
        }
        for unknown in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_CORRUPT,
        ] {
            assert!(is_commit_outcome_unknown(&sqlite_error(unknown)), "{unknown}");
        }
    }

    #[test]
    fn an_error_without_a_class_keeps_its_cause() {
        let full = map_error(sqlite_error(ffi::SQLITE_FULL));
        assert!(matches!(full, StoreError::Unavailable { reason: "the disk is full", .. }), "{full:?}");

        let other = map_error(sqlite_error(ffi::SQLITE_MISUSE));

        assert!(matches!(other, StoreError::Backend(_)), "{other:?}");
        assert!(std::error::Error::source(&other).is_some());
    }

    #[test]
    fn a_failed_write_is_not_a_failed_sync() {
        assert!(is_failed_sync(&sqlite_error(ffi::SQLITE_IOERR_FSYNC)));
        assert!(!is_failed_sync(&sqlite_error(ffi::SQLITE_IOERR_WRITE)));
    }
}
