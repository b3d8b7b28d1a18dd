//! The store itself: each reading goes to the readers, everything else to the writer.

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
use crate::file_lock::Owner;
use crate::open::{self, Opened};
use crate::reader::Readers;
use crate::state::State;
use crate::write_request::{Job, Order};
use crate::writer::{Witnesses, Writer};
use crate::{
    admin_keys, atomic_replace, backup, clients, counters, data, events, keys, log, metadata, sessions, users,
};

/// A store in one SQLite file, owned by this process as long as the value lives.
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
    readers: Arc<Readers>,
    /// Gone as soon as the value is dropped; then the writer finishes what is queued, and ends.
    queue: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    witnesses: Arc<Witnesses>,
    state: Arc<State>,
    figures: Arc<StoreMetrics>,
    /// Held by the writer, and by a backup as long as it takes.
    owner: Weak<Owner>,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the database at `path`, or makes one if there is nothing.
    ///
    /// # Errors
    ///
    /// Says what is wrong with what is there; then nothing was created or replaced. A file that was cut off
    /// to nothing is refused too: a damaged database never becomes a fresh one without users.
    pub fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        open::open(path).and_then(Self::start)
    }

    /// Whether opening `path` would find a database, and not make one.
    pub fn is_there(path: &Path) -> bool {
        atomic_replace::is_there(path)
    }

    /// Opens a new store that nothing is to remain of: for tests, and for trying things out.
    ///
    /// It is a file all the same, in a directory of its own that is removed with the store: what holds for
    /// this store holds for one that stays, except that it is not synced.
    ///
    /// # Errors
    ///
    /// If there is no place for temporary files.
    pub fn in_memory() -> Result<Arc<Self>, OpenError> {
        open::open_temporary().and_then(Self::start)
    }

    /// Starts the writer and the readers of a database that has been opened and judged.
    pub(crate) fn start(opened: Opened) -> Result<Arc<Self>, OpenError> {
        let Opened { connection, path, owner } = opened;
        let refused = |error| open::failed(&path, error);
        let owner = Arc::new(owner);
        let state = Arc::new(State::default());
        let witnesses = Arc::new(Witnesses::default());
        let figures = Arc::new(StoreMetrics::default());
        let readers = Readers::open(&path, Arc::clone(&state), Arc::clone(&figures));
        let readers = Arc::new(readers.map_err(refused)?);
        let writer = Writer::new(
            connection,
            Arc::clone(&state),
            Arc::clone(&witnesses),
            Arc::clone(&readers),
            Arc::clone(&figures),
            Arc::clone(&owner),
        )
        .map_err(refused)?;
        let (queue, thread) =
            writer.start().map_err(|source| OpenError::Io { path: path.clone(), source })?;
        Ok(Arc::new(Self {
            readers,
            queue: Some(queue),
            writer: Some(thread),
            witnesses,
            state,
            figures,
            owner: Arc::downgrade(&owner),
            path,
        }))
    }

    /// Puts a job into the queue, if the store is open and the queue is not full.
    fn ask(&self, job: Job) -> Result<(), StoreError> {
        self.state.admit()?;
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        // Before the writer can have done it.
        self.figures.begin();
        queue.try_send(job).map_err(|refused| {
            self.figures.end(1);
            self.figures.fail(1);
            match refused {
                TrySendError::Full(_) => {
                    StoreError::Unavailable { reason: "too much is waiting to be written", source: None }
                }
                TrySendError::Disconnected(_) => self.gone(),
            }
        })
    }

    /// Waits for the answer to an order. Whoever stops waiting changes nothing of what is done.
    async fn answered<R>(&self, answer: oneshot::Receiver<Result<R, StoreError>>) -> Result<R, StoreError> {
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Why the writer is not there.
    fn gone(&self) -> StoreError {
        self.state.admit().err().unwrap_or(StoreError::Poisoned)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.readers.read(|connection| sessions::find(connection, id))
    }

    async fn standing(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError> {
        self.readers.read(|connection| sessions::standing(connection, id))
    }

    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError> {
        self.readers.read(|connection| sessions::page_of(connection, user, page, now))
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

    async fn log_after(&self, after: RevocationPosition) -> Result<RevocationLogPage, StoreError> {
        self.readers.read(|connection| log::after(connection, after))
    }

    async fn head(&self) -> Result<RevocationPosition, StoreError> {
        self.readers.read(log::head)
    }

    async fn log_id(&self) -> Result<RevocationLogId, StoreError> {
        self.readers.read(log::id)
    }

    async fn data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError> {
        self.readers.read(|connection| data::find(connection, session))
    }

    async fn fact(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.read(|connection| metadata::find(connection, name))
    }

    async fn events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Vec<(AuditEventNumber, AuditEvent)>, StoreError> {
        self.readers.read(|connection| events::page(connection, query))
    }

    async fn newest_time(&self) -> Result<Time, StoreError> {
        self.readers.read(metadata::newest_time)
    }

    async fn commit(&self, changes: &[Change]) -> Result<CommitOutcome, StoreError> {
        let (order, answer) = Order::new(changes.to_vec());
        self.ask(Job::Commit(order))?;
        self.answered(answer).await
    }

    async fn note_uses(&self, uses: &[LastSeen]) -> Result<(), StoreError> {
        let (order, answer) = Order::new(uses.to_vec());
        self.ask(Job::NoteUses(order))?;
        self.answered(answer).await
    }

    async fn take(&self, takings: &[CounterIncrement], now: Time) -> Result<Vec<CounterValue>, StoreError> {
        let (order, answer) = Order::new((takings.to_vec(), now));
        self.ask(Job::Take(order))?;
        self.answered(answer).await
    }

    async fn spent(&self, keys: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError> {
        self.readers.read(|connection| counters::spent(connection, keys, now))
    }

    async fn purge(&self, now: Time, limit: u32) -> Result<u64, StoreError> {
        let (order, answer) = Order::new((now, limit));
        self.ask(Job::Purge(order))?;
        self.answered(answer).await
    }

    fn watch(&self, witness: Arc<dyn CommitListener>) {
        self.witnesses.write().unwrap_or_else(PoisonError::into_inner).push(witness);
    }

    fn figures(&self) -> &StoreMetrics {
        &self.figures
    }

    async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.state.admit()?;
        let owner = self.owner.upgrade().ok_or(StoreError::Closed)?;
        let (done, answer) = oneshot::channel();
        let (from, to) = (self.path.clone(), to.to_owned());
        // A thread of its own: it may take minutes, and nothing else is to wait for it.
        std::thread::Builder::new()
            .name("sqlite-backup".into())
            .spawn(move || {
                let _ = done.send(backup::copy(&from, &to));
                drop(owner);
            })
            .map_err(|error| StoreError::Unavailable {
                reason: "no thread can be started",
                source: Some(Box::new(error)),
            })?;
        self.answered(answer).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (reply, closed) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let mut job = Job::Close(reply);
        // Closing is not refused because the queue is full: it is moving.
        while let Err(refused) = queue.try_send(job) {
            let TrySendError::Full(again) = refused else { return Ok(()) };
            job = again;
            tokio::task::yield_now().await;
        }
        // Without an answer the writer has ended before, which is as good.
        let _ = closed.await;
        Ok(())
    }
}

impl Drop for SqliteStore {
    /// Waits until all that was handed over is durable and the file is free.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take()
            // A witness that held the last reference is dropped by the writer itself.
            && writer.thread().id() != std::thread::current().id()
        {
            // Had it panicked, the store is poisoned, and everybody who asked was told.
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
