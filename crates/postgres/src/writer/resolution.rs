//! How the outcome of a commit is found out whose answer was lost.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::{sleep, timeout};

use counterfoil_core::store::StoreError;

use super::{RECONNECT_INTERVAL, Writer};
use crate::error::QueryError;
use crate::error_class::store_error;
use crate::write_request::{Executed, WriteRequest};
use crate::writer::batch::{Undecided, outputs};
use crate::writer_connection::ANSWER_TIMEOUT;

impl Writer {
    /// Finds out whether a commit was executed whose answer was lost.
    ///
    /// The next connection raises the epoch of the writer. That waits until the transaction is decided, if it is in
    /// progress, and no statement that is still on its way finds its epoch afterwards. Then the id of the last commit says
    /// whether it was this one. Until then no caller gets an answer.
    pub(super) async fn resolve(
        &mut self,
        batch: Vec<WriteRequest>,
        mut undecided: Undecided,
        started: Instant,
    ) {
        tracing::warn!(error = %undecided.error, requests = batch.len(), "the outcome of a commit is not known yet");
        let asked_at = Instant::now();
        loop {
            self.reconnect().await;
            match self.current.as_ref().map(|current| current.takeover.last_commit) {
                Some(Some(id)) if id == undecided.id => {
                    match self.complete_later(&mut undecided.executed).await {
                        Ok(()) => {
                            tracing::info!(requests = batch.len(), "the commit was executed");
                            return self.finish(batch, outputs(undecided.executed), started);
                        }
                        Err(error) => {
                            tracing::warn!(%error, "what the commit has done could not be read");
                            self.current = None;
                        }
                    }
                }
                Some(Some(_) | None) => {
                    tracing::info!(
                        requests = batch.len(),
                        "the commit was not executed; nothing was changed"
                    );
                    self.open();
                    let error = Arc::new(undecided.error);
                    return self.fail(batch, || store_error(Arc::clone(&error)));
                }
                None => {}
            }
            if self.state.check_not_ended().is_err() {
                return self.fail(batch, || StoreError::Poisoned);
            }
            if self.state.is_closing() && asked_at.elapsed() > ANSWER_TIMEOUT {
                return self.fail(batch, || StoreError::OutcomeUnknown);
            }
            sleep(RECONNECT_INTERVAL).await;
        }
    }

    /// Reads what the lost answer to a commit would have said.
    async fn complete_later(&self, executed: &mut [Result<Executed, StoreError>]) -> Result<(), QueryError> {
        let Some(current) = &self.current else { return Err(QueryError::TimedOut) };
        for executed in executed.iter_mut().flatten() {
            let completed = executed.complete_later(&current.connection);
            timeout(ANSWER_TIMEOUT, completed).await.map_err(|_| QueryError::TimedOut)??;
        }
        Ok(())
    }
}
