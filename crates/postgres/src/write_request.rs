//! The requests to the writer, and how their callers are answered.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use counterfoil_core::store::{
    AuditRetention, CommitListener, CommitOutcome, CounterIncrement, CounterValue, ExpiryEvents, LastSeen,
    NodeChange, NodeId, Purged, PurgedEvents, StoreError, Transaction,
};
use counterfoil_jose::Time;

use crate::apply::apply;
use crate::statement::{Failure, Pipeline};
use crate::tables::counters::increment;
use crate::tables::nodes::announce;
use crate::tables::purge::{purge, purge_audit_log};
use crate::tables::sessions::row::record_last_seen;

/// What a request asks for.
pub(crate) enum Input {
    /// Applies this transaction or nothing of it.
    Commit(Transaction),
    /// Records when sessions were last used.
    RecordLastSeen(Vec<LastSeen>),
    /// Increments counters at this time.
    IncrementCounters(Vec<CounterIncrement>, Time),
    /// Records and deletes what has expired at this time, at most this number of rows.
    Purge(Time, u32, ExpiryEvents),
    /// Deletes audit events that are too old at this time or above the limit, at most this number.
    PurgeAuditLog(AuditRetention, Time, u32),
}

/// What a request has done.
pub(crate) enum Output {
    Commit(CommitOutcome),
    RecordLastSeen,
    IncrementCounters(Vec<CounterValue>),
    Purge(Purged),
    PurgeAuditLog(PurgedEvents),
}

/// One request to the writer.
pub(crate) struct WriteRequest {
    pub(crate) input: Input,
    /// When it was queued.
    pub(crate) queued_at: Instant,
    pub(crate) reply: oneshot::Sender<Result<Output, StoreError>>,
}

impl Input {
    /// Adds the statements of the request of the process `origin` to the pipeline, and sends those that others wait for.
    pub(crate) async fn execute<'t>(
        &'t self,
        pipeline: &mut Pipeline<'_, 't>,
        origin: NodeId,
    ) -> Result<Output, Failure> {
        Ok(match self {
            Self::Commit(transaction) => {
                let applied = apply(pipeline, transaction).await?;
                let changes = NodeChange::for_commit(&transaction.changes, &applied);
                if !changes.is_empty() || !applied.entries.is_empty() {
                    pipeline.push_certain(announce(origin, &changes));
                }
                Output::Commit(CommitOutcome::Applied(applied))
            }
            Self::RecordLastSeen(uses) => {
                if !uses.is_empty() {
                    pipeline.push_certain(record_last_seen(uses));
                }
                Output::RecordLastSeen
            }
            Self::IncrementCounters(increments, now) => {
                Output::IncrementCounters(increment(pipeline, increments, *now).await?)
            }
            Self::Purge(now, limit, expiries) => {
                Output::Purge(purge(pipeline, *now, *limit, *expiries).await?)
            }
            Self::PurgeAuditLog(retention, now, limit) => {
                Output::PurgeAuditLog(purge_audit_log(pipeline, *retention, *now, *limit).await?)
            }
        })
    }

    /// Executes a request so that its failure does not affect the others of the transaction.
    ///
    /// The outer error is one of the whole transaction.
    pub(crate) async fn execute_in_savepoint<'t>(
        &'t self,
        pipeline: &mut Pipeline<'_, 't>,
        origin: NodeId,
    ) -> Result<Result<Output, StoreError>, Failure> {
        pipeline.control("SAVEPOINT request");
        let executed = match self.execute(pipeline, origin).await {
            Ok(output) => pipeline.flush().await.map(|()| output),
            Err(failure) => Err(failure),
        };
        let result = match executed {
            Ok(output) => {
                pipeline.control("RELEASE request");
                return Ok(Ok(output));
            }
            Err(Failure::Conflict(part)) => Ok(Output::Commit(CommitOutcome::Conflict(part))),
            Err(Failure::Statement(error)) => Err(StoreError::from(error)),
            Err(failure) => return Err(failure),
        };
        pipeline.clear();
        pipeline.control("ROLLBACK TO request");
        pipeline.control("RELEASE request");
        pipeline.flush().await?;
        Ok(result)
    }

    /// The newest time in what the request writes.
    pub(crate) fn newest_time(&self) -> Time {
        match self {
            Self::Commit(transaction) => transaction.newest_time(),
            Self::RecordLastSeen(uses) => uses.iter().map(|used| used.at).max().unwrap_or_default(),
            Self::IncrementCounters(..) | Self::Purge(..) | Self::PurgeAuditLog(..) => Time::EPOCH,
        }
    }
}

/// Notifies the listeners of what was applied, which is durable now.
pub(crate) fn notify(listeners: &[Arc<dyn CommitListener>], input: &Input, output: &Output) {
    match (input, output) {
        (Input::Commit(transaction), Output::Commit(CommitOutcome::Applied(applied))) => {
            listeners.iter().for_each(|listener| listener.on_commit(&transaction.changes, applied));
        }
        (_, Output::Purge(purged)) => {
            if let Some(applied) = purged.applied_changes() {
                listeners.iter().for_each(|listener| listener.on_commit(&[], &applied));
            }
        }
        _ => {}
    }
}
