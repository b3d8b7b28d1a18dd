//! The store: it opens the database, starts the writer and the readers, and sends requests to the writer.

mod operations;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use counterfoil_core::store::StoreError;
use counterfoil_core::store::metrics::StoreMetrics;

use crate::error::OpenError;
use crate::file::atomic_replace;
use crate::file::file_lock::FileLock;
use crate::file::open::{self, OpenedDatabase};
use crate::list_lane::ListLane;
use crate::reader_pool::ReaderPool;
use crate::state::StoreState;
use crate::tables::job_locks;
use crate::write_request::{Request, WriteRequest};
use crate::writer::{CommitListeners, Writer};

/// A store in one SQLite file, which this process has locked as long as the value lives.
///
/// ```
/// use counterfoil_core::Store;
/// use counterfoil_sqlite::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("auth.db");
/// let store = SqliteStore::open(&path)?;
/// assert!(store.client(&"default".parse()?).await?.is_some());
///
/// let second = SqliteStore::open(&path).unwrap_err();
/// assert!(second.to_string().contains("is in use"));
/// store.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    readers: Arc<ReaderPool>,
    lists: Arc<ListLane>,
    /// Whether a backup is being written.
    backup_runs: Arc<AtomicBool>,
    /// `None` once the value is dropped; then the writer finishes the queued requests and ends.
    queue: Option<SyncSender<WriteRequest>>,
    writer: Option<JoinHandle<()>>,
    listeners: Arc<CommitListeners>,
    state: Arc<StoreState>,
    metrics: Arc<StoreMetrics>,
    /// Held by the writer, and by a backup in progress.
    lock: Weak<FileLock>,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the database at `path`, or creates it if nothing exists there.
    ///
    /// # Errors
    ///
    /// Says what is wrong; then no file was created or replaced. A file that was truncated to nothing is
    /// refused too: a damaged database never becomes a new one without users.
    pub fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        open::open(path).and_then(Self::start)
    }

    /// Whether opening `path` would find a database, rather than create one.
    pub fn exists(path: &Path) -> bool {
        atomic_replace::exists(path)
    }

    /// Opens a new store that is deleted when it is dropped, for tests and trials.
    ///
    /// It is a file in a temporary directory of its own, so it behaves like a permanent store, except that it
    /// is not synced to the disk.
    ///
    /// # Errors
    ///
    /// If the directory for temporary files cannot be written.
    pub fn in_memory() -> Result<Arc<Self>, OpenError> {
        open::open_temporary().and_then(Self::start)
    }

    /// Starts the writer and the readers of a database that has been opened and checked.
    pub(crate) fn start(opened: OpenedDatabase) -> Result<Arc<Self>, OpenError> {
        let OpenedDatabase { connection, path, lock } = opened;
        let sqlite_error = |error| OpenError::from_sqlite(&path, error);
        let lock = Arc::new(lock);
        let state = Arc::new(StoreState::default());
        let listeners = Arc::new(CommitListeners::default());
        let metrics = Arc::new(StoreMetrics::default());
        job_locks::delete_all(&connection).map_err(sqlite_error)?;
        let (count, of_readers) = (ReaderPool::default_size(), Arc::clone(&metrics));
        let readers = ReaderPool::open(&path, count, Arc::clone(&state), of_readers).map_err(sqlite_error)?;
        let readers = Arc::new(readers);
        let lists = ListLane::start(&path, Arc::clone(&state), Arc::clone(&metrics)).map_err(sqlite_error)?;
        let writer = Writer::new(
            connection,
            Arc::clone(&state),
            Arc::clone(&listeners),
            (Arc::clone(&readers), Arc::clone(&lists)),
            Arc::clone(&metrics),
            Arc::clone(&lock),
        )
        .map_err(sqlite_error)?;
        let (queue, thread) =
            writer.start().map_err(|source| OpenError::Io { path: path.clone(), source })?;
        Ok(Arc::new(Self {
            readers,
            lists,
            backup_runs: Arc::default(),
            queue: Some(queue),
            writer: Some(thread),
            listeners,
            state,
            metrics,
            lock: Arc::downgrade(&lock),
            path,
        }))
    }

    /// Queues a request, if the store is open and the queue is not full.
    fn send(&self, request: WriteRequest) -> Result<(), StoreError> {
        self.state.check_open()?;
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        // Counted first, because the writer may finish the request before this thread continues.
        self.metrics.request_started();
        queue.try_send(request).map_err(|error| {
            self.metrics.requests_finished(1);
            self.metrics.requests_failed(1);
            match error {
                TrySendError::Full(_) => {
                    StoreError::Unavailable { reason: "the write queue is full", source: None }
                }
                TrySendError::Disconnected(_) => self.writer_ended(),
            }
        })
    }

    /// Queues a request and waits for its answer. A caller that stops waiting does not cancel the request.
    async fn request<I, R>(
        &self,
        kind: impl FnOnce(Request<I, R>) -> WriteRequest,
        input: I,
    ) -> Result<R, StoreError> {
        let (request, answer) = Request::new(input);
        self.send(kind(request))?;
        self.receive(answer).await
    }

    async fn receive<R>(&self, answer: oneshot::Receiver<Result<R, StoreError>>) -> Result<R, StoreError> {
        answer.await.unwrap_or_else(|_| Err(self.writer_ended()))
    }

    /// The error for a writer that has ended.
    fn writer_ended(&self) -> StoreError {
        self.state.check_open().err().unwrap_or(StoreError::Poisoned)
    }
}

impl Drop for SqliteStore {
    /// Waits until all queued requests are durable and the file is unlocked.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take()
            // The writer thread itself drops the store if a listener held the last reference.
            && writer.thread().id() != std::thread::current().id()
        {
            // If it panicked, the store is poisoned and every caller has got an error.
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
