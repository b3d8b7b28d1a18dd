//! The writer thread: it commits the queued requests in one transaction, and then answers their callers.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{CommitListener, StoreError};
use counterfoil_jose::Time;

use crate::error_class;
use crate::file::file_lock::FileLock;
use crate::list_lane::ListLane;
use crate::reader_pool::ReaderPool;
use crate::state::StoreState;
use crate::tables::newest_time;
use crate::write_request::WriteRequest;

/// The length of the queue. Beyond it callers get an error at once, so that waiting times stay bounded.
const QUEUE_SIZE: usize = 4096;

/// The most requests that share one transaction, and one sync of the disk.
const BATCH_SIZE: usize = 256;

/// The number of pages in the write-ahead log at which they are copied to the database.
const CHECKPOINT_PAGES: u32 = 1000;

/// The time between two attempts to free space in the write-ahead log on a full disk.
const FREE_SPACE_INTERVAL: Duration = Duration::from_secs(1);

/// The listeners that are notified of every commit.
pub(crate) type CommitListeners = RwLock<Vec<Arc<dyn CommitListener>>>;

/// The state of the writer thread.
pub(crate) struct Writer {
    connection: Connection,
    state: Arc<StoreState>,
    listeners: Arc<CommitListeners>,
    /// Closed before the writer, which then removes the write-ahead log.
    readers: (Arc<ReaderPool>, Arc<ListLane>),
    metrics: Arc<StoreMetrics>,
    /// The newest time in the database.
    newest_time: Time,
    /// When space was last freed on a full disk.
    space_freed_at: Option<Instant>,
    /// Dropped after the connection: fields are dropped in their order.
    _lock: Arc<FileLock>,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        state: Arc<StoreState>,
        listeners: Arc<CommitListeners>,
        readers: (Arc<ReaderPool>, Arc<ListLane>),
        metrics: Arc<StoreMetrics>,
        lock: Arc<FileLock>,
    ) -> rusqlite::Result<Self> {
        let newest_time = newest_time::read(&connection)?;
        let space_freed_at = None;
        Ok(Self { connection, state, listeners, readers, metrics, newest_time, space_freed_at, _lock: lock })
    }

    /// Starts the thread. It ends after a request to close, or when all senders are dropped.
    pub(crate) fn start(self) -> std::io::Result<(SyncSender<WriteRequest>, JoinHandle<()>)> {
        let (queue, requests) = sync_channel(QUEUE_SIZE);
        let thread =
            std::thread::Builder::new().name("sqlite-writer".into()).spawn(move || self.run(&requests))?;
        Ok((queue, thread))
    }

    fn run(mut self, requests: &Receiver<WriteRequest>) {
        let guard = PoisonOnPanic(Arc::clone(&self.state), Arc::clone(&self.listeners));
        let mut close_request = None;
        while close_request.is_none()
            && let Ok(first) = requests.recv()
        {
            let (batch, close) = next_batch(first, requests);
            close_request = close;
            self.process(batch);
            self.checkpoint_if_due();
        }
        self.close();
        drop((self, guard));
        if let Some(request) = close_request {
            request.answer();
        }
        for late in requests.try_iter() {
            late.fail(StoreError::Closed);
        }
    }

    /// Commits a batch, then notifies the listeners, then answers the callers.
    fn process(&mut self, mut batch: Vec<WriteRequest>) {
        if batch.is_empty() {
            return;
        }
        if self.state.is_poisoned() {
            self.count_failed(&batch);
            return batch.into_iter().for_each(|request| request.fail(StoreError::Poisoned));
        }
        let started = Instant::now();
        if let Err(failure) = self.commit(&mut batch) {
            self.count_failed(&batch);
            return self.fail(batch, failure);
        }
        self.count_committed(&batch, started);
        // Dropped before the batch: a caller that gets no answer because of a panic finds the store poisoned.
        let _guard = PoisonOnPanic(Arc::clone(&self.state), Arc::clone(&self.listeners));
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for request in &batch {
            request.notify(&listeners);
        }
        for request in batch {
            request.answer();
        }
    }

    /// Counts a committed batch, before a caller is answered and can read the metrics.
    fn count_committed(&self, batch: &[WriteRequest], started: Instant) {
        let now = Instant::now();
        self.metrics.transactions.record(now - started);
        for queued_at in batch.iter().filter_map(WriteRequest::queued_at) {
            self.metrics.commits.record(now.saturating_duration_since(queued_at));
        }
        self.metrics.last_commit_failed.store(false, Ordering::Relaxed);
        self.metrics.requests_finished(batch.len());
    }

    fn count_failed(&self, batch: &[WriteRequest]) {
        self.metrics.last_commit_failed.store(true, Ordering::Relaxed);
        self.metrics.requests_failed(batch.len());
        self.metrics.requests_finished(batch.len());
    }

    /// Executes a batch in one transaction.
    fn commit(&mut self, batch: &mut [WriteRequest]) -> Result<(), CommitFailure> {
        let newest_time = match self.execute_batch(batch) {
            Ok(newest_time) => newest_time,
            Err(error) => {
                // Nothing was committed. SQLite may have rolled back already.
                let rolled_back = self.connection.is_autocommit() || self.rollback().is_ok();
                let is_outcome_known = rolled_back && !error_class::is_failed_sync(&error);
                return Err(CommitFailure { error, is_outcome_known });
            }
        };
        if let Err(error) = self.execute("COMMIT") {
            let is_outcome_known = !error_class::is_commit_outcome_unknown(&error)
                && (self.connection.is_autocommit() || self.rollback().is_ok());
            return Err(CommitFailure { error, is_outcome_known });
        }
        self.newest_time = newest_time;
        Ok(())
    }

    /// Executes every request of the batch; returns the newest time that the database then holds.
    fn execute_batch(&self, batch: &mut [WriteRequest]) -> rusqlite::Result<Time> {
        self.execute("BEGIN IMMEDIATE")?;
        for request in &mut *batch {
            request.execute(&self.connection)?;
        }
        let newest = batch.iter().map(WriteRequest::newest_time).max().unwrap_or_default();
        if newest > self.newest_time {
            newest_time::raise(&self.connection, newest)?;
        }
        Ok(newest.max(self.newest_time))
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn rollback(&self) -> rusqlite::Result<()> {
        self.execute("ROLLBACK")
    }

    /// Answers every caller of a batch that failed. If the outcome is unknown, poisons the store.
    fn fail(&mut self, batch: Vec<WriteRequest>, failure: CommitFailure) {
        let error = Arc::new(failure.error);
        if failure.is_outcome_known {
            tracing::warn!(%error, requests = batch.len(), "a commit failed; nothing was changed");
            batch.into_iter().for_each(|request| request.fail(error_class::map_shared_error(&error)));
            self.free_space_if_full(&error);
        } else {
            self.poison(&error);
            batch.into_iter().for_each(|request| request.fail(StoreError::Poisoned));
        }
    }

    /// On a full disk, copies the write-ahead log to the database. If the database has room for its pages,
    /// the log can be overwritten from its beginning, and the next commit needs no more space. Tried once a
    /// second, because it may fail.
    fn free_space_if_full(&mut self, error: &rusqlite::Error) {
        let is_due = self.space_freed_at.is_none_or(|at| at.elapsed() >= FREE_SPACE_INTERVAL);
        if is_due && error_class::is_disk_full(error) {
            self.space_freed_at = Some(Instant::now());
            self.checkpoint("PASSIVE");
        }
    }

    /// Refuses every request from now on, and lets the session cache drop its entries.
    fn poison(&self, error: &rusqlite::Error) {
        tracing::error!(%error, "a commit failed with unknown outcome; the store must be reopened");
        poison(&self.state, &self.listeners);
    }

    /// Copies the write-ahead log to the database when it has grown long. No caller waits for it.
    fn checkpoint_if_due(&self) {
        if self.state.is_poisoned() {
            return;
        }
        match self.pages_in_wal() {
            Ok(pages) if pages >= CHECKPOINT_PAGES => self.checkpoint("PASSIVE"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the length of the write-ahead log cannot be read"),
        }
    }

    /// The number of pages in the write-ahead log that are not in the database yet.
    fn pages_in_wal(&self) -> rusqlite::Result<u32> {
        self.connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| {
            let (all, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(u32::try_from(all - copied).unwrap_or(0))
        })
    }

    /// Copies the pages of the write-ahead log to the database.
    ///
    /// A checkpoint that fails changes nothing: the write-ahead log still has every page. But after a failed
    /// sync a later one may succeed without having written the pages that the kernel dropped, and the
    /// write-ahead log would be discarded. So a failed sync poisons the store.
    fn checkpoint(&self, mode: &str) {
        let done = self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        match done {
            Ok(()) => {}
            Err(error) if error_class::is_failed_sync(&error) => self.poison(&error),
            Err(error) => {
                tracing::warn!(%error, "the checkpoint of the write-ahead log failed; the log grows");
            }
        }
    }

    /// Closes the database without a write-ahead log. If the store is poisoned, the contents of the log are
    /// unknown, so it stays: the next start must write it to the disk before it relies on it
    /// (`sync_after_crash`).
    fn close(&self) {
        let is_poisoned = self.state.is_poisoned();
        self.state.close();
        self.readers.0.close();
        self.readers.1.close();
        if is_poisoned {
            // An error does not matter: SQLite checkpoints only frames that it knows to be committed.
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        } else {
            self.checkpoint("TRUNCATE");
        }
    }
}

/// A batch that was not committed.
struct CommitFailure {
    error: rusqlite::Error,
    /// Whether it is certain that nothing of it was committed.
    is_outcome_known: bool,
}

/// The queued requests in their order, up to [`BATCH_SIZE`] or up to the request to close.
fn next_batch(
    first: WriteRequest,
    requests: &Receiver<WriteRequest>,
) -> (Vec<WriteRequest>, Option<WriteRequest>) {
    let mut batch = Vec::new();
    for request in std::iter::once(first).chain(requests.try_iter()).take(BATCH_SIZE) {
        if matches!(request, WriteRequest::Close(_)) {
            return (batch, Some(request));
        }
        batch.push(request);
    }
    (batch, None)
}

fn poison(state: &StoreState, listeners: &CommitListeners) {
    if state.poison() {
        for listener in listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener.on_failure();
        }
    }
}

/// Poisons the store if the writer panics: a listener may have missed a commit.
struct PoisonOnPanic(Arc<StoreState>, Arc<CommitListeners>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            poison(&self.0, &self.1);
        }
    }
}
