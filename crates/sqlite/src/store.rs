//! The store: reads run on the reader pool, writes are sent to the writer.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, PoisonError, Weak};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::oneshot;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::admin_key::AdminKeyRecord;
use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::model::client::Client;
use counterfoil_core::model::key::KeyRecord;
use counterfoil_core::model::session::Session;
use counterfoil_core::model::user::User;
use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{
    AuditEventNumber, AuditEventQuery, Change, CommitListener, CommitOutcome, CounterIncrement, CounterKey,
    CounterValue, LastSeen, LoginName, Page, RevocationLogPage, SessionContext, SessionCursor, SessionData,
    Store, StoreError,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationLogId, RevocationPosition, SessionId, UserId};

use crate::error::OpenError;
use crate::file::file_lock::FileLock;
use crate::file::open::{self, OpenedDatabase};
use crate::file::{atomic_replace, backup};
use crate::reader_pool::ReaderPool;
use crate::state::StoreState;
use crate::tables::{
    admin_keys, audit_events, clients, counters, keys, metadata, newest_time, revocation_log, session_data,
    sessions, users,
};
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
/// assert!(second.to_string().ends_with("is in use"));
/// store.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    readers: Arc<ReaderPool>,
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
        let readers = ReaderPool::open(&path, Arc::clone(&state), Arc::clone(&metrics));
        let readers = Arc::new(readers.map_err(sqlite_error)?);
        let writer = Writer::new(
            connection,
            Arc::clone(&state),
            Arc::clone(&listeners),
            Arc::clone(&readers),
            Arc::clone(&metrics),
            Arc::clone(&lock),
        )
        .map_err(sqlite_error)?;
        let (queue, thread) =
            writer.start().map_err(|source| OpenError::Io { path: path.clone(), source })?;
        Ok(Arc::new(Self {
            readers,
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

#[async_trait]
impl Store for SqliteStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.readers.read(|connection| sessions::find(connection, id))
    }

    async fn session_context(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError> {
        self.readers.read(|connection| sessions::find_context(connection, id))
    }

    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError> {
        self.readers.read(|connection| sessions::page_of_user(connection, user, page, now))
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.readers.read(|connection| users::find(connection, id))
    }

    async fn user_by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError> {
        self.readers.read(|connection| users::find_by_login(connection, login))
    }

    async fn users(&self, page: Page<String>) -> Result<Vec<User>, StoreError> {
        self.readers.read(|connection| users::page(connection, &page))
    }

    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.readers.read(|connection| clients::find(connection, id))
    }

    async fn clients(&self, page: Page<ClientId>) -> Result<Vec<Client>, StoreError> {
        self.readers.read(|connection| clients::page(connection, &page))
    }

    async fn admin_key(&self, id: AdminKeyId) -> Result<Option<AdminKeyRecord>, StoreError> {
        self.readers.read(|connection| admin_keys::find(connection, id))
    }

    async fn admin_keys(&self) -> Result<Vec<AdminKeyRecord>, StoreError> {
        self.readers.read(admin_keys::all)
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.readers.read(keys::all)
    }

    async fn revocation_log_after(&self, after: RevocationPosition) -> Result<RevocationLogPage, StoreError> {
        self.readers.read(|connection| revocation_log::entries_after(connection, after))
    }

    async fn revocation_log_head(&self) -> Result<RevocationPosition, StoreError> {
        self.readers.read(revocation_log::head)
    }

    async fn revocation_log_id(&self) -> Result<RevocationLogId, StoreError> {
        self.readers.read(revocation_log::id)
    }

    async fn session_data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError> {
        self.readers.read(|connection| session_data::find(connection, session))
    }

    async fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.read(|connection| metadata::find(connection, key))
    }

    async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Vec<(AuditEventNumber, AuditEvent)>, StoreError> {
        self.readers.read(|connection| audit_events::page(connection, query))
    }

    async fn newest_time(&self) -> Result<Time, StoreError> {
        self.readers.read(newest_time::read)
    }

    async fn commit(&self, changes: &[Change]) -> Result<CommitOutcome, StoreError> {
        self.request(WriteRequest::Commit, changes.to_vec()).await
    }

    async fn record_last_seen(&self, entries: &[LastSeen]) -> Result<(), StoreError> {
        self.request(WriteRequest::RecordLastSeen, entries.to_vec()).await
    }

    async fn increment_counters(
        &self,
        increments: &[CounterIncrement],
        now: Time,
    ) -> Result<Vec<CounterValue>, StoreError> {
        self.request(WriteRequest::IncrementCounters, (increments.to_vec(), now)).await
    }

    async fn counters(&self, keys: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError> {
        self.readers.read(|connection| counters::values(connection, keys, now))
    }

    async fn purge(&self, now: Time, limit: u32) -> Result<u64, StoreError> {
        self.request(WriteRequest::Purge, (now, limit)).await
    }

    fn subscribe(&self, listener: Arc<dyn CommitListener>) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.state.check_open()?;
        let lock = self.lock.upgrade().ok_or(StoreError::Closed)?;
        let (done, answer) = oneshot::channel();
        let (from, to) = (self.path.clone(), to.to_owned());
        // A thread of its own: a backup may take minutes, and no other task must wait for it.
        std::thread::Builder::new()
            .name("sqlite-backup".into())
            .spawn(move || {
                let _ = done.send(backup::copy(&from, &to));
                drop(lock);
            })
            .map_err(|error| StoreError::Unavailable {
                reason: "the backup thread cannot be started",
                source: Some(Box::new(error)),
            })?;
        self.receive(answer).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (reply, closed) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let mut request = WriteRequest::Close(reply);
        // A full queue is no reason to refuse: the writer empties it.
        while let Err(error) = queue.try_send(request) {
            let TrySendError::Full(refused) = error else { return Ok(()) };
            request = refused;
            tokio::task::yield_now().await;
        }
        // Without an answer the writer had ended before, so the store is closed.
        let _ = closed.await;
        Ok(())
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
