//! The requests that share one transaction: all of them are committed with it, or the failed ones alone are left out.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use counterfoil_core::store::{CommitOutcome, NodeId, StoreError};
use counterfoil_jose::{Time, random};

use crate::error::QueryError;
use crate::statement::{Failure, Pipeline};
use crate::tables::writers::{self, CommitId};
use crate::write_request::{Executed, Output, WriteRequest};
use crate::writer_connection::{ANSWER_TIMEOUT, WriterConnection};

/// How often a transaction is executed again that other transactions were in the way of.
const MAX_RETRIES: u32 = 3;

/// A batch whose commit was sent and not answered.
pub(super) struct Undecided {
    pub(super) id: CommitId,
    pub(super) executed: Vec<Result<Executed, StoreError>>,
    pub(super) error: QueryError,
}

/// Why a batch was not committed.
pub(super) enum BatchError {
    Failed(Failure),
    Undecided(Undecided),
}

impl From<Failure> for BatchError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A process and its connection, which commits batches.
pub(super) struct BatchWriter<'w> {
    pub(super) current: &'w WriterConnection,
    pub(super) process: NodeId,
    /// Within this time a statement must be answered.
    pub(super) answer_timeout: Duration,
}

impl BatchWriter<'_> {
    /// Executes a batch: all requests together, and if one of them fails, each on its own.
    pub(super) async fn commit(
        &self,
        batch: &[WriteRequest],
    ) -> Result<Vec<Result<Output, StoreError>>, BatchError> {
        let mut in_savepoints = false;
        let mut retries = 0;
        loop {
            let error = match self.execute(batch, in_savepoints).await {
                Ok(outputs) => return Ok(outputs),
                Err(BatchError::Failed(failure)) => failure,
                Err(undecided) => return Err(undecided),
            };
            match error {
                Failure::Conflict(part) if batch.len() == 1 => {
                    self.roll_back().await?;
                    return Ok(vec![Ok(Output::Commit(CommitOutcome::Conflict(part)))]);
                }
                Failure::Conflict(_) | Failure::Statement(_) if batch.len() > 1 && !in_savepoints => {
                    self.roll_back().await?;
                    in_savepoints = true;
                }
                Failure::Retry(_) if retries < MAX_RETRIES => {
                    self.roll_back().await?;
                    retries += 1;
                    sleep(Duration::from_millis(5 << retries)).await;
                }
                Failure::Conflict(_) | Failure::Statement(_) | Failure::Retry(_) => {
                    self.roll_back().await?;
                    return Err(error.into());
                }
                other => return Err(other.into()),
            }
        }
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        match timeout(ANSWER_TIMEOUT, self.current.connection.batch_execute("ROLLBACK")).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::ConnectionLost(error.into())),
            Err(_) => Err(Failure::ConnectionLost(QueryError::TimedOut)),
        }
    }

    /// Executes a batch in one transaction.
    async fn execute(
        &self,
        batch: &[WriteRequest],
        in_savepoints: bool,
    ) -> Result<Vec<Result<Output, StoreError>>, BatchError> {
        let id: CommitId = random::bytes()
            .map_err(|_| Failure::Statement(QueryError::InvalidValue("there is no randomness")))?;
        let mut pipeline = Pipeline::new(&self.current.connection, self.answer_timeout);
        pipeline.control(writers::BEGIN);
        let (mut all, mut newest) = (Vec::with_capacity(batch.len()), Time::EPOCH);
        for request in batch {
            let executed = match in_savepoints {
                true => request.input.execute_in_savepoint(&mut pipeline, self.process).await?,
                false => Ok(request.input.execute(&mut pipeline, self.process).await?),
            };
            if executed.as_ref().is_ok_and(Executed::is_applied) {
                newest = newest.max(request.input.newest_time());
            }
            all.push(executed);
        }
        let mark = writers::mark(self.process, self.current.takeover.epoch, id, newest);
        let committed = pipeline.commit(mark).await;
        let mut applied = all.iter_mut().flatten();
        let completed = committed.and_then(|()| {
            // What is committed and cannot be read is as good as an answer that was lost.
            applied.try_for_each(|executed| executed.complete(&pipeline)).map_err(Failure::OutcomeUnknown)
        });
        match completed {
            Ok(()) => Ok(outputs(all)),
            Err(Failure::OutcomeUnknown(error)) => {
                Err(BatchError::Undecided(Undecided { id, executed: all, error }))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// What the callers of a committed batch get.
pub(super) fn outputs(executed: Vec<Result<Executed, StoreError>>) -> Vec<Result<Output, StoreError>> {
    executed.into_iter().map(|executed| executed.map(Executed::into_output)).collect()
}
