//! The requests to the writer, and how their callers are answered.

use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use counterfoil_core::store::{
    AuditRetention, CommitListener, CommitOutcome, CounterIncrement, CounterValue, ExpiryEvents, LastSeen,
    Purged, PurgedEvents, StoreError, Transaction,
};
use counterfoil_jose::Time;

use crate::apply::{ApplyError, apply};
use crate::error_class::{self, map_error};
use crate::tables::counters::increment;
use crate::tables::purge::{purge, purge_audit_log};
use crate::tables::sessions::row::record_last_seen;

/// One request to the writer.
pub(crate) enum WriteRequest {
    /// Applies this transaction or nothing of it.
    Commit(Request<Transaction, CommitOutcome>),
    /// Records when sessions were last used.
    RecordLastSeen(Request<Vec<LastSeen>, ()>),
    /// Increments counters at this time.
    IncrementCounters(Request<(Vec<CounterIncrement>, Time), Vec<CounterValue>>),
    /// Records and deletes what has expired at this time, at most this number of rows.
    Purge(Request<(Time, u32, ExpiryEvents), Purged>),
    /// Deletes audit events that are too old at this time or above the limit, at most this number.
    PurgeAuditLog(Request<(AuditRetention, Time, u32), PurgedEvents>),
    /// Closes the store.
    Close(oneshot::Sender<()>),
}

/// A request's input, its result, and the channel to its caller.
pub(crate) struct Request<I, R> {
    pub(crate) input: I,
    /// When it was queued.
    queued_at: Instant,
    result: Option<Result<R, StoreError>>,
    reply: oneshot::Sender<Result<R, StoreError>>,
}

impl<I, R> Request<I, R> {
    /// A request, and the channel for its answer.
    pub(crate) fn new(input: I) -> (Self, oneshot::Receiver<Result<R, StoreError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { input, queued_at: Instant::now(), result: None, reply }, answer)
    }

    /// Sends the result to the caller, if the caller still waits.
    fn answer(self) {
        // Without a result, the request was never executed or its outcome is unknown.
        let _ = self.reply.send(self.result.unwrap_or(Err(StoreError::Poisoned)));
    }

    fn fail(self, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

impl WriteRequest {
    /// Executes the request within a savepoint of the open transaction, and keeps the result.
    ///
    /// # Errors
    ///
    /// If the whole transaction has failed, with every request in it.
    pub(crate) fn execute(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        match self {
            Self::Commit(Request { input, result, .. }) => {
                *result = Some(match in_savepoint(connection, |c| apply(c, input))? {
                    Ok(applied) => Ok(CommitOutcome::Applied(applied)),
                    Err(ApplyError::Conflict(part)) => Ok(CommitOutcome::Conflict(part)),
                    Err(ApplyError::Sqlite(error)) => Err(map_error(error)),
                });
            }
            Self::RecordLastSeen(Request { input, result, .. }) => {
                let record = |c: &Connection| input.iter().try_for_each(|entry| record_last_seen(c, entry));
                *result = Some(in_savepoint_without_conflict(connection, record)?);
            }
            Self::IncrementCounters(Request { input: (increments, now), result, .. }) => {
                let increment = |c: &Connection| increment(c, increments, *now);
                *result = Some(in_savepoint_without_conflict(connection, increment)?);
            }
            Self::Purge(Request { input: (now, limit, expiries), result, .. }) => {
                let purge = |c: &Connection| purge(c, *now, *limit, *expiries);
                *result = Some(in_savepoint_without_conflict(connection, purge)?);
            }
            Self::PurgeAuditLog(Request { input: (retention, now, limit), result, .. }) => {
                let purge = |c: &Connection| purge_audit_log(c, *retention, *now, *limit);
                *result = Some(in_savepoint_without_conflict(connection, purge)?);
            }
            Self::Close(_) => {}
        }
        Ok(())
    }

    /// The newest time in what was applied.
    pub(crate) fn newest_time(&self) -> Time {
        match self {
            Self::Commit(Request { input, result: Some(Ok(CommitOutcome::Applied(_))), .. }) => {
                input.newest_time()
            }
            Self::RecordLastSeen(request) => {
                request.input.iter().map(|entry| entry.at).max().unwrap_or_default()
            }
            Self::Commit(_)
            | Self::IncrementCounters(_)
            | Self::Purge(_)
            | Self::PurgeAuditLog(_)
            | Self::Close(_) => Time::EPOCH,
        }
    }

    /// Notifies the listeners of what was applied, which is durable now.
    pub(crate) fn notify(&self, listeners: &[Arc<dyn CommitListener>]) {
        match self {
            Self::Commit(Request { input, result: Some(Ok(CommitOutcome::Applied(applied))), .. }) => {
                listeners.iter().for_each(|listener| listener.on_commit(&input.changes, applied));
            }
            Self::Purge(Request { result: Some(Ok(purged)), .. }) => {
                if let Some(applied) = purged.applied_changes() {
                    listeners.iter().for_each(|listener| listener.on_commit(&[], &applied));
                }
            }
            Self::Commit(_)
            | Self::RecordLastSeen(_)
            | Self::IncrementCounters(_)
            | Self::Purge(_)
            | Self::PurgeAuditLog(_)
            | Self::Close(_) => {}
        }
    }

    /// When the request was queued; `None` for the request to close.
    pub(crate) fn queued_at(&self) -> Option<Instant> {
        match self {
            Self::Commit(request) => Some(request.queued_at),
            Self::RecordLastSeen(request) => Some(request.queued_at),
            Self::IncrementCounters(request) => Some(request.queued_at),
            Self::Purge(request) => Some(request.queued_at),
            Self::PurgeAuditLog(request) => Some(request.queued_at),
            Self::Close(_) => None,
        }
    }

    /// Answers the caller with the result.
    pub(crate) fn answer(self) {
        match self {
            Self::Commit(request) => request.answer(),
            Self::RecordLastSeen(request) => request.answer(),
            Self::IncrementCounters(request) => request.answer(),
            Self::Purge(request) => request.answer(),
            Self::PurgeAuditLog(request) => request.answer(),
            Self::Close(reply) => {
                let _ = reply.send(());
            }
        }
    }

    /// Answers the caller with an error.
    pub(crate) fn fail(self, error: StoreError) {
        match self {
            Self::Commit(request) => request.fail(error),
            Self::RecordLastSeen(request) => request.fail(error),
            Self::IncrementCounters(request) => request.fail(error),
            Self::Purge(request) => request.fail(error),
            Self::PurgeAuditLog(request) => request.fail(error),
            Self::Close(reply) => {
                let _ = reply.send(());
            }
        }
    }
}

/// As [`in_savepoint`], for a request that has no expectations.
fn in_savepoint_without_conflict<R>(
    connection: &Connection,
    execute: impl FnOnce(&Connection) -> rusqlite::Result<R>,
) -> rusqlite::Result<Result<R, StoreError>> {
    let result = in_savepoint(connection, |c| execute(c).map_err(ApplyError::Sqlite))?;
    Ok(result.map_err(|error| match error {
        ApplyError::Sqlite(error) => map_error(error),
        ApplyError::Conflict(_) => StoreError::Poisoned,
    }))
}

/// Runs `execute` in a savepoint, so that a request that fails does not affect the others of the transaction.
///
/// The outer error is one of the whole transaction: SQLite has rolled it back, or its state is unknown.
fn in_savepoint<R>(
    connection: &Connection,
    execute: impl FnOnce(&Connection) -> Result<R, ApplyError>,
) -> rusqlite::Result<Result<R, ApplyError>> {
    connection.prepare_cached("SAVEPOINT request")?.execute([])?;
    let result = match execute(connection) {
        Err(ApplyError::Sqlite(error))
            if connection.is_autocommit() || !error_class::is_statement_error(&error) =>
        {
            return Err(error);
        }
        result => result,
    };
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO request")?.execute([])?;
    }
    connection.prepare_cached("RELEASE request")?.execute([])?;
    Ok(result)
}
