//! The writer: one connection that commits the queued requests in one transaction, and then answers their callers.

mod batch;
mod connect_failures;
mod durability_watch;
pub(crate) mod message;
mod resolution;

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{CommitListener, StoreError};

use crate::error::QueryError;
use crate::error_class::store_error;
use crate::state::StoreState;
use crate::statement::Failure;
use crate::tables::writers;
use crate::write_request::{Output, WriteRequest, notify};
use crate::writer::batch::{BatchError, BatchWriter};
use crate::writer::connect_failures::ConnectFailures;
use crate::writer::durability_watch::DurabilityWatch;
use crate::writer::message::{Message, next_batch};
use crate::writer_connection::{ANSWER_TIMEOUT, WriterConnection, WriterConnector};

/// The time between two tests of an idle connection.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two attempts to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(200);

/// The listeners that are notified of every commit.
pub(crate) type CommitListeners = RwLock<Vec<Arc<dyn CommitListener>>>;

/// The state of the writer.
pub(crate) struct Writer {
    connector: WriterConnector,
    /// `None` while the writer is not connected.
    current: Option<WriterConnection>,
    state: Arc<StoreState>,
    listeners: Arc<CommitListeners>,
    metrics: Arc<StoreMetrics>,
    durability: DurabilityWatch,
    /// Since the last connection.
    connect_failures: ConnectFailures,
}

impl Writer {
    pub(crate) fn new(
        connector: WriterConnector,
        current: WriterConnection,
        state: Arc<StoreState>,
        listeners: Arc<CommitListeners>,
        metrics: Arc<StoreMetrics>,
    ) -> Self {
        Self {
            connector,
            current: Some(current),
            state,
            listeners,
            metrics,
            durability: DurabilityWatch::default(),
            connect_failures: ConnectFailures::default(),
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
                self.current = Some(current);
                // It may be another server.
                self.durability.look_again();
                self.connect_failures = ConnectFailures::default();
            }
            Err(QueryError::Superseded) => {
                tracing::error!(
                    "a program had the store for itself while this process was not connected; requests are refused until it is \
                     restarted"
                );
                self.state.poison();
            }
            Err(error) => self.note_connect_failure(&error),
        }
    }

    fn note_connect_failure(&mut self, error: &QueryError) {
        match self.connect_failures.is_worth_a_warning(&error.to_string(), Instant::now()) {
            true => tracing::warn!(%error, "the database cannot be connected; it is tried again"),
            false => tracing::debug!(%error, "the database cannot be connected"),
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

    /// Looks at the settings of the server, if that is due.
    async fn look_at_settings(&mut self) {
        if let Some(current) = &self.current {
            self.durability.look(&self.connector, &current.connection, &self.metrics).await;
        }
    }

    /// Commits a batch, then notifies the listeners, then answers the callers.
    async fn process(&mut self, batch: Vec<WriteRequest>) {
        let started = Instant::now();
        let Some(current) = &self.current else {
            return self.fail(batch, || self.state.check_open().err().unwrap_or(StoreError::Poisoned));
        };
        let (process, answer_timeout) = (self.connector.id(), self.connector.limits().answer);
        let committed = BatchWriter { current, process, answer_timeout }.commit(&batch).await;
        match committed {
            Ok(outputs) => self.finish(batch, outputs, started),
            Err(BatchError::Failed(failure)) => self.fail_with(batch, failure),
            Err(BatchError::Undecided(undecided)) => {
                self.disconnect("the answer to a commit was lost");
                self.resolve(batch, undecided, started).await;
            }
        }
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

/// Waits for the end of the connection; for ever if it does not exist.
async fn ended(current: &mut Option<WriterConnection>) {
    match current {
        Some(current) => {
            let _ = (&mut current.ended).await;
        }
        None => std::future::pending().await,
    }
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
