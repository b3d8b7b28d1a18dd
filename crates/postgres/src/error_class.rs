//! What an error of PostgreSQL means: for one statement, for one batch, or for the connection.

use std::sync::Arc;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use counterfoil_core::store::StoreError;

use crate::error::QueryError;

/// The error code that `require_row` raises, in the schema.
const CONFLICT: &str = "CF001";

/// The store error that a caller gets.
pub(crate) fn store_error(error: Arc<QueryError>) -> StoreError {
    match &*error {
        QueryError::InvalidValue(detail) => StoreError::Corrupt { detail, source: None },
        QueryError::NumberTooLarge => {
            StoreError::Corrupt { detail: "a number is too large for its column", source: None }
        }
        QueryError::Locked => unavailable("another process has the store open", error),
        QueryError::Superseded => unavailable("the row of this process was removed", error),
        QueryError::FormerPrimary => unavailable("a standby of the database was promoted", error),
        QueryError::TimedOut => unavailable("the database did not answer in time", error),
        QueryError::Tls(_) => unavailable("no encrypted connection to the database can be made", error),
        QueryError::Pool(PoolError::Timeout(_)) => {
            unavailable("no connection to the database became free in time", error)
        }
        QueryError::Pool(_) => unavailable("the database cannot be reached", error),
        QueryError::Postgres(_) => match reason(&error) {
            Some(reason) => unavailable(reason, error),
            None => StoreError::Backend(Box::new(error)),
        },
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        store_error(Arc::new(error))
    }
}

fn unavailable(reason: &'static str, error: Arc<QueryError>) -> StoreError {
    StoreError::Unavailable { reason, source: Some(Box::new(error)) }
}

/// Why the database cannot be used now, if the error says so.
fn reason(error: &QueryError) -> Option<&'static str> {
    if is_connection_lost(error) {
        return Some("the connection to the database was lost");
    }
    let state = sql_state(error)?;
    Some(match state.code() {
        "55P03" => "a lock in the database is held for too long",
        "57014" => "a statement took too long",
        "25006" => "the database accepts only reads",
        "57P03" => "the database is starting",
        "40001" | "40P01" => "other transactions kept the database from applying this one",
        code => match code.get(..2)? {
            "23" => "a record violates a constraint of the schema",
            "53" => "the database has no room or no connection left",
            "58" => "reading or writing the database failed",
            _ => return None,
        },
    })
}

/// The error code of the server, if the server sent the error.
pub(crate) fn sql_state(error: &QueryError) -> Option<&SqlState> {
    match error {
        QueryError::Postgres(error) => error.code(),
        QueryError::Pool(PoolError::Backend(error)) => error.code(),
        _ => None,
    }
}

/// Whether a change or an expectation conflicts: no row was found, a unique value is taken, or a row that it refers to
/// does not exist.
pub(crate) fn is_conflict(error: &QueryError) -> bool {
    sql_state(error).is_some_and(|state| {
        state.code() == CONFLICT
            || *state == SqlState::UNIQUE_VIOLATION
            || *state == SqlState::FOREIGN_KEY_VIOLATION
    })
}

/// Whether the same transaction may succeed if it is executed again.
pub(crate) fn is_retryable(error: &QueryError) -> bool {
    sql_state(error).is_some_and(|state| {
        *state == SqlState::T_R_SERIALIZATION_FAILURE || *state == SqlState::T_R_DEADLOCK_DETECTED
    })
}

/// Whether the connection cannot be used any more. A server that ends a connection says so with these codes.
pub(crate) fn is_connection_lost(error: &QueryError) -> bool {
    match error {
        QueryError::TimedOut => true,
        QueryError::Postgres(error) => match error.code() {
            Some(state) => {
                matches!(state.code(), "57P01" | "57P02" | "57P04" | "57P05" | "25P03")
                    || state.code().starts_with("08")
            }
            None => {
                error.is_closed()
                    || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
            }
        },
        _ => false,
    }
}
