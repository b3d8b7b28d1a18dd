//! The requests to the writer, and how their callers are answered.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use counterfoil_core::store::{
    AuditRetention, CommitListener, CommitOutcome, CounterIncrement, CounterValue, ExpiryEvents, LastSeen,
    NodeChange, NodeId, Purged, PurgedEvents, StoreError, Transaction,
};
use counterfoil_jose::Time;
use counterfoil_verify::RevocationEntry;

use crate::appended_entries::AppendedEntries;
use crate::apply::apply;
use crate::error::QueryError;
use crate::statement::{Connection, Failure, Pipeline};
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

/// What a request has done, until its commit is answered.
pub(crate) struct Executed {
    output: Output,
    /// The entries of the revocation log that the output has not yet.
    appended: Option<AppendedEntries>,
}

impl Executed {
    /// Whether something of the request is committed.
    pub(crate) fn is_applied(&self) -> bool {
        !matches!(self.output, Output::Commit(CommitOutcome::Conflict(_)))
    }

    /// Adds what the answers of the transaction say.
    pub(crate) fn complete(&mut self, pipeline: &Pipeline<'_, '_>) -> Result<(), QueryError> {
        if let Some(appended) = &self.appended {
            let entries = appended.read(pipeline)?;
            self.set_entries(entries);
        }
        Ok(())
    }

    /// Adds what the answers would have said, which were lost.
    pub(crate) async fn complete_later(&mut self, connection: &Connection) -> Result<(), QueryError> {
        if let Some(appended) = &self.appended {
            let entries = appended.find(connection).await?;
            self.set_entries(entries);
        }
        Ok(())
    }

    /// The complete output.
    pub(crate) fn into_output(self) -> Output {
        self.output
    }

    fn set_entries(&mut self, entries: Vec<RevocationEntry>) {
        if let Output::Commit(CommitOutcome::Applied(applied)) = &mut self.output {
            applied.entries = entries;
        }
    }
}

impl From<Output> for Executed {
    fn from(output: Output) -> Self {
        Self { output, appended: None }
    }
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
    ) -> Result<Executed, Failure> {
        let output = match self {
            Self::Commit(transaction) => {
                let (applied, appended) = apply(pipeline, transaction).await?;
                let changes = NodeChange::for_commit(&transaction.changes, &applied);
                if !changes.is_empty() || !applied.entries.is_empty() || appended.is_some() {
                    pipeline.push_certain(announce(origin, &changes));
                }
                return Ok(Executed { output: Output::Commit(CommitOutcome::Applied(applied)), appended });
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
        };
        Ok(output.into())
    }

    /// Executes a request so that its failure does not affect the others of the transaction.
    ///
    /// The outer error is one of the whole transaction.
    pub(crate) async fn execute_in_savepoint<'t>(
        &'t self,
        pipeline: &mut Pipeline<'_, 't>,
        origin: NodeId,
    ) -> Result<Result<Executed, StoreError>, Failure> {
        pipeline.control("SAVEPOINT request");
        let executed = match self.execute(pipeline, origin).await {
            Ok(executed) => pipeline.flush().await.map(|()| executed),
            Err(failure) => Err(failure),
        };
        let result = match executed {
            Ok(executed) => {
                pipeline.control("RELEASE request");
                return Ok(Ok(executed));
            }
            Err(Failure::Conflict(part)) => Ok(Output::Commit(CommitOutcome::Conflict(part)).into()),
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
