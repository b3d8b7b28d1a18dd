//! The writer: one connection that commits the queued requests in one transaction, and then answers their callers.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{CommitListener, CommitOutcome, StoreError};
use counterfoil_jose::{Time, random};

use crate::error::QueryError;
use crate::error_class::store_error;
use crate::standby_warning::DurabilityWarning;
use crate::state::StoreState;
use crate::statement::{Failure, Pipeline};
use crate::tables::writers::{self, CommitId};
use crate::write_request::{Executed, Output, WriteRequest, notify};
use crate::writer_connection::{WriterConnection, WriterConnector};

/// The length of the queue. Beyond it callers get an error at once, so that waiting times stay bounded.
pub(crate) const QUEUE_SIZE: usize = 4096;

/// The most requests that share one transaction.
const BATCH_SIZE: usize = 64;

/// How often a transaction is executed again that other transactions were in the way of.
const MAX_RETRIES: u32 = 3;

/// The time within which a test of the connection must be answered, and the end of a transaction.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The time between two tests of an idle connection.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two looks at the settings of the server.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// The time between two attempts to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(200);

/// The listeners that are notified of every commit.
pub(crate) type CommitListeners = RwLock<Vec<Arc<dyn CommitListener>>>;

/// A message to the writer.
pub(crate) enum Message {
    Request(WriteRequest),
    /// Completes the requests before it, and ends.
    Close(oneshot::Sender<()>),
}

/// The state of the writer.
pub(crate) struct Writer {
    connector: WriterConnector,
    /// `None` while the writer is not connected.
    current: Option<WriterConnection>,
    /// The epoch of the last connection.
    epoch: i64,
    state: Arc<StoreState>,
    listeners: Arc<CommitListeners>,
    metrics: Arc<StoreMetrics>,
    /// When it was last seen whether the server could lose what it confirms.
    looked_at: Option<Instant>,
    /// What was seen then.
    durability_warning: Option<DurabilityWarning>,
}

/// A batch whose commit was sent and not answered.
struct Undecided {
    id: CommitId,
    executed: Vec<Result<Executed, StoreError>>,
    error: QueryError,
}

/// Why a batch was not committed.
enum BatchError {
    Failed(Failure),
    Undecided(Undecided),
}

impl From<Failure> for BatchError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Writer {
    pub(crate) fn new(
        connector: WriterConnector,
        current: WriterConnection,
        state: Arc<StoreState>,
        listeners: Arc<CommitListeners>,
        metrics: Arc<StoreMetrics>,
    ) -> Self {
        let epoch = current.takeover.epoch;
        // The start has said it if the server does not sync.
        let durability_warning = Some(DurabilityWarning::NoSync);
        Self {
            connector,
            current: Some(current),
            epoch,
            state,
            listeners,
            metrics,
            looked_at: None,
            durability_warning,
        }
    }

    /// Runs until a request to close, or until all senders are dropped.
    pub(crate) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let guard = PoisonOnDrop(Arc::clone(&self.state), Arc::clone(&self.listeners), true);
        let mut heartbeat = interval(HEARTBEAT_INTERVAL);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let closing = loop {
            if self.current.is_none() {
                self.reconnect().await;
                self.open();
            }
            let message = tokio::select! {
                biased;
                message = messages.recv() => message,
                () = ended(&mut self.current) => { self.disconnect("the connection has ended"); continue }
                _ = heartbeat.tick() => { self.check_connection().await; continue }
                () = sleep(RECONNECT_INTERVAL), if self.current.is_none() => continue,
            };
            match message {
                Some(Message::Request(first)) => {
                    let (batch, close) = next_batch(first, &mut messages);
                    self.process(batch).await;
                    // There are no heartbeats while requests always wait.
                    self.look_at_settings().await;
                    if let Some(close) = close {
                        break Some(close);
                    }
                }
                Some(Message::Close(close)) => break Some(close),
                None => break None,
            }
        };
        self.state.close();
        if let Some(current) = self.current.take() {
            current.end(self.connector.id()).await;
        }
        guard.disarm();
        if let Some(close) = closing {
            let _ = close.send(());
        }
        messages.close();
        while let Some(message) = messages.recv().await {
            match message {
                Message::Request(request) => self.answer_late(request),
                Message::Close(close) => drop(close.send(())),
            }
        }
    }

    fn answer_late(&self, request: WriteRequest) {
        self.metrics.requests_finished(1);
        let _ = request.reply.send(Err(StoreError::Closed));
    }

    /// Tries once to become the writer of this process again.
    async fn reconnect(&mut self) {
        if self.state.check_not_ended().is_err() {
            return;
        }
        match self.connector.connect().await {
            Ok(current) => {
                tracing::info!("the database is connected again");
                self.epoch = current.takeover.epoch;
                self.current = Some(current);
                // It may be another server.
                self.looked_at = None;
            }
            Err(QueryError::Superseded) => {
                tracing::error!(
                    "a program had the store for itself while this process was not connected; requests are refused until it is \
                     restarted"
                );
                self.state.poison();
            }
            Err(error) => tracing::debug!(%error, "the database cannot be connected"),
        }
    }

    /// Accepts requests again, if the writer is connected.
    fn open(&self) {
        if self.current.is_some() {
            self.state.connect();
        }
    }

    /// Gives up the connection. Nothing in memory counts until this process is the writer again.
    fn disconnect(&mut self, reason: &str) {
        if self.current.take().is_some() {
            tracing::warn!(reason, "the database is not connected; requests are refused");
        }
        self.state.disconnect();
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener.on_failure();
        }
    }

    /// Makes sure that an idle connection still works, and that the row of this process is there.
    async fn check_connection(&mut self) {
        let Some(current) = &self.current else { return };
        let epoch = writers::current_epoch(&current.connection, self.connector.id());
        match timeout(ANSWER_TIMEOUT, epoch).await {
            Ok(Ok(Some(epoch))) if epoch == current.takeover.epoch => self.look_at_settings().await,
            Ok(Ok(_)) => self.disconnect("the row of this process was removed"),
            Ok(Err(_)) | Err(_) => self.disconnect("the server does not answer"),
        }
    }

    /// Notes now and then whether the server could lose what it confirms: its settings change without a restart.
    async fn look_at_settings(&mut self) {
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL);
        let Some(current) = self.current.as_ref().filter(|_| is_due) else { return };
        self.looked_at = Some(Instant::now());
        let look = self.connector.durability_warning(&current.connection);
        // A failure has its consequences at the next test.
        let Ok(Ok(warning)) = timeout(ANSWER_TIMEOUT, look).await else { return };
        self.metrics.may_lose_commits.store(warning.is_some(), Ordering::Relaxed);
        let before = std::mem::replace(&mut self.durability_warning, warning);
        if let Some(warning) = warning.filter(|warning| before != Some(*warning)) {
            tracing::warn!(hint = warning.hint(), "{}", warning.message());
        }
    }

    /// Commits a batch, then notifies the listeners, then answers the callers.
    async fn process(&mut self, batch: Vec<WriteRequest>) {
        let started = Instant::now();
        if self.current.is_none() {
            return self.fail(batch, || self.state.check_open().err().unwrap_or(StoreError::Poisoned));
        }
        match self.commit(&batch).await {
            Ok(outputs) => self.finish(batch, outputs, started),
            Err(BatchError::Failed(failure)) => self.fail_with(batch, failure),
            Err(BatchError::Undecided(undecided)) => {
                self.disconnect("the answer to a commit was lost");
                self.resolve(batch, undecided, started).await;
            }
        }
    }

    /// Executes a batch: all requests together, and if one of them fails, each on its own.
    async fn commit(
        &mut self,
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
        let Some(current) = &self.current else { return Ok(()) };
        match timeout(ANSWER_TIMEOUT, current.connection.batch_execute("ROLLBACK")).await {
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
        let Some(current) = &self.current else { return Err(Failure::Superseded.into()) };
        let process = self.connector.id();
        let id: CommitId = random::bytes()
            .map_err(|_| Failure::Statement(QueryError::InvalidValue("there is no randomness")))?;
        let mut pipeline = Pipeline::new(&current.connection, self.connector.limits().answer);
        pipeline.control(writers::BEGIN);
        let (mut all, mut newest) = (Vec::with_capacity(batch.len()), Time::EPOCH);
        for request in batch {
            let executed = match in_savepoints {
                true => request.input.execute_in_savepoint(&mut pipeline, process).await?,
                false => Ok(request.input.execute(&mut pipeline, process).await?),
            };
            if executed.as_ref().is_ok_and(Executed::is_applied) {
                newest = newest.max(request.input.newest_time());
            }
            all.push(executed);
        }
        let committed = pipeline.commit(writers::mark(process, self.epoch, id, newest)).await;
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

    /// Finds out whether a commit was executed whose answer was lost.
    ///
    /// The next connection raises the epoch of the writer. That waits until the transaction is decided, if it is in
    /// progress, and no statement that is still on its way finds its epoch afterwards. Then the id of the last commit says
    /// whether it was this one. Until then no caller gets an answer.
    async fn resolve(&mut self, batch: Vec<WriteRequest>, mut undecided: Undecided, started: Instant) {
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

    /// Notifies the listeners of a committed batch, and answers its callers.
    fn finish(&self, batch: Vec<WriteRequest>, outputs: Vec<Result<Output, StoreError>>, started: Instant) {
        let now = Instant::now();
        self.metrics.transactions.record(now - started);
        for request in &batch {
            self.metrics.commits.record(now.saturating_duration_since(request.queued_at));
        }
        self.metrics.last_commit_failed.store(false, Ordering::Relaxed);
        self.metrics.requests_finished(batch.len());
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for (request, output) in batch.iter().zip(&outputs) {
            if let Ok(output) = output {
                notify(&listeners, &request.input, output);
            }
        }
        drop(listeners);
        // After a reconnection, no read fills the session cache before the listeners know of the commit.
        self.open();
        for (request, output) in batch.into_iter().zip(outputs) {
            let _ = request.reply.send(output);
        }
    }

    /// Answers every caller of a batch of which nothing was committed.
    fn fail_with(&mut self, batch: Vec<WriteRequest>, failure: Failure) {
        let error = match failure {
            Failure::Superseded => {
                self.disconnect("the row of this process was removed");
                QueryError::Superseded
            }
            Failure::ConnectionLost(error) => {
                self.disconnect("the connection was lost");
                error
            }
            Failure::Statement(error) | Failure::Retry(error) | Failure::OutcomeUnknown(error) => error,
            Failure::Conflict(_) => QueryError::InvalidValue("a request without conditions conflicts"),
        };
        let error = Arc::new(error);
        tracing::warn!(%error, requests = batch.len(), "a commit failed; nothing was changed");
        self.fail(batch, || store_error(Arc::clone(&error)));
    }

    fn fail(&self, batch: Vec<WriteRequest>, error: impl Fn() -> StoreError) {
        self.metrics.last_commit_failed.store(true, Ordering::Relaxed);
        self.metrics.requests_failed(batch.len());
        self.metrics.requests_finished(batch.len());
        for request in batch {
            let _ = request.reply.send(Err(error()));
        }
    }
}

fn outputs(executed: Vec<Result<Executed, StoreError>>) -> Vec<Result<Output, StoreError>> {
    executed.into_iter().map(|executed| executed.map(Executed::into_output)).collect()
}

/// Waits for the end of the connection; for ever if it does not exist.
async fn ended(current: &mut Option<WriterConnection>) {
    match current {
        Some(current) => {
            let _ = (&mut current.ended).await;
        }
        None => std::future::pending().await,
    }
}

/// The queued requests in their order, up to [`BATCH_SIZE`] or up to the request to close.
fn next_batch(
    first: WriteRequest,
    messages: &mut mpsc::Receiver<Message>,
) -> (Vec<WriteRequest>, Option<oneshot::Sender<()>>) {
    let mut batch = vec![first];
    while batch.len() < BATCH_SIZE {
        match messages.try_recv() {
            Ok(Message::Request(request)) => batch.push(request),
            Ok(Message::Close(close)) => return (batch, Some(close)),
            Err(_) => break,
        }
    }
    (batch, None)
}

/// Poisons the store if the writer ends without being closed: it has panicked, and a listener may have missed a commit.
struct PoisonOnDrop(Arc<StoreState>, Arc<CommitListeners>, bool);

impl PoisonOnDrop {
    fn disarm(mut self) {
        self.2 = false;
    }
}

impl Drop for PoisonOnDrop {
    fn drop(&mut self) {
        if !self.2 {
            return;
        }
        self.0.poison();
        for listener in self.1.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener.on_failure();
        }
    }
}
