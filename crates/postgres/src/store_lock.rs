//! The lock of a store: every process that writes shares it, and a program that must be alone has it for itself.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::error::QueryError;
use crate::statement::{Connection, Statement, statement};

/// How long the session of a process that was killed may take to end.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The time between two attempts.
const INTERVAL: Duration = Duration::from_millis(50);

/// How a process has a store open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Other processes may have it open too.
    Shared,
    /// Every other one is refused.
    Alone,
}

/// Shares the lock with other processes, as long as the session lives.
///
/// # Errors
///
/// [`QueryError::Locked`] if a program has the store for itself.
pub(crate) async fn share(connection: &Connection) -> Result<(), QueryError> {
    take(connection, || {
        statement!(
            "SELECT pg_try_advisory_lock_shared(hashtextextended('counterfoil store ' || current_schema(), 0))"
        )
    })
    .await
}

/// Takes the lock alone, as long as the session lives.
///
/// # Errors
///
/// [`QueryError::Locked`] if another process has the store open.
pub(crate) async fn exclude_others(connection: &Connection) -> Result<(), QueryError> {
    take(connection, || {
        statement!(
            "SELECT pg_try_advisory_lock(hashtextextended('counterfoil store ' || current_schema(), 0))"
        )
    })
    .await
}

/// Gives back what [`exclude_others`] took. What [`share`] took stays.
pub(crate) async fn admit_others(connection: &Connection) -> Result<(), QueryError> {
    statement!("SELECT pg_advisory_unlock(hashtextextended('counterfoil store ' || current_schema(), 0))")
        .query_one(connection)
        .await
        .map(drop)
}

async fn take(connection: &Connection, attempt: fn() -> Statement<'static>) -> Result<(), QueryError> {
    let started = Instant::now();
    loop {
        if attempt().query_one(connection).await?.try_get(0)? {
            return Ok(());
        }
        if started.elapsed() > TIMEOUT {
            return Err(QueryError::Locked);
        }
        sleep(INTERVAL).await;
    }
}
