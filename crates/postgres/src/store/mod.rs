//! The store: it opens the database, starts the writer, and sends requests to it.

mod nodes;
mod operations;
mod preparation;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{CommitListener, NodeId, StoreError};

use crate::connection::Connector;
use crate::error::OpenError;
use crate::node_connection::NodeConnection;
use crate::reader_pool::{ListAdmission, PoolLimits, ReaderPool};
use crate::session_probe::require_session;
use crate::state::StoreState;
use crate::store::preparation::prepare;
use crate::store_lock::Access;
use crate::url::PostgresUrl;
use crate::write_request::{Input, Output, WriteRequest};
use crate::writer::message::{Message, QUEUE_SIZE};
use crate::writer::{CommitListeners, Writer};
use crate::writer_connection::{WriterConnector, WriterLimits};

/// The connections of requests.
const READERS: PoolLimits =
    PoolLimits { connections: 8, wait: Duration::from_secs(1), statement: Duration::from_secs(2) };

/// The connections of lists, which take longer.
const LIST_READERS: PoolLimits =
    PoolLimits { connections: 2, wait: Duration::from_secs(10), statement: Duration::from_secs(20) };

/// A store in a PostgreSQL database. Several processes can have it open; see
/// [`NodeRegistry`](counterfoil_core::store::NodeRegistry).
///
/// It needs PostgreSQL 14 or newer, a database with the encoding UTF8, and a user who owns the schema that its
/// `search_path` names first. Other programs may read the tables, and must not change them.
///
/// ```no_run
/// use counterfoil_core::Store;
/// use counterfoil_postgres::PostgresStore;
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://auth@db.example/auth".parse()?;
/// let store = PostgresStore::open(&url).await?;
/// assert!(store.client(&"default".parse()?).await?.is_some());
/// store.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct PostgresStore {
    readers: ReaderPool,
    list_readers: ReaderPool,
    lists: ListAdmission,
    queue: mpsc::Sender<Message>,
    listeners: Arc<CommitListeners>,
    state: Arc<StoreState>,
    metrics: Arc<StoreMetrics>,
    node: NodeConnection,
    limits: WriterLimits,
    database: String,
}

impl PostgresStore {
    /// Opens the store in this database, and creates or migrates its tables. Called within a tokio runtime, which must
    /// live as long as the store.
    ///
    /// # Errors
    ///
    /// Says what is wrong. Nothing was changed then.
    pub async fn open(url: &PostgresUrl) -> Result<Arc<Self>, OpenError> {
        Self::open_with_reload(url, || None).await
    }

    /// As [`PostgresStore::open`]. If the server refuses the password later, `reload` returns the URL again, and the password
    /// in it is tried: so a password can be changed without a restart. Nothing else of the URL is taken.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::open`].
    pub async fn open_with_reload(
        url: &PostgresUrl,
        reload: impl Fn() -> Option<PostgresUrl> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, OpenError> {
        Self::open_with(url, Arc::new(reload), (Access::Shared, WriterLimits::SHARED)).await
    }

    /// As [`PostgresStore::open`], and every other process is refused as long as this store is open. A node that was cut off from
    /// the database and is connected again must be restarted.
    ///
    /// If the answer to a commit is lost, and another process has opened the store before this one is connected again, the commit
    /// fails after a minute with [`StoreError::OutcomeUnknown`], and the store must be opened again.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::open`], and [`OpenError::InUse`] if another process has the store open.
    pub async fn open_alone(url: &PostgresUrl) -> Result<Arc<Self>, OpenError> {
        Self::open_with(url, Arc::new(|| None), (Access::Alone, WriterLimits::ALONE)).await
    }

    /// Opens the store in this way, and with these limits.
    pub(crate) async fn open_with(
        url: &PostgresUrl,
        reload: Arc<dyn Fn() -> Option<PostgresUrl> + Send + Sync>,
        (access, limits): (Access, WriterLimits),
    ) -> Result<Arc<Self>, OpenError> {
        let database = url.to_string();
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Unreachable {
            database: database.clone(),
            source,
        };
        let connector = Connector::new(url, reload).map_err(|error| unreachable(error.into()))?;
        connector.survey_hosts().await;
        require_session(&connector, &database).await?;
        let id = NodeId::generate().map_err(|error| unreachable(error.into()))?;
        let writers = WriterConnector::new(connector.clone(), id, (access, limits));
        let connected = writers.connect_first().await.map_err(|error| unreachable(error.into()))?;
        let current = prepare(connected, (id, access), &database).await?;
        let state = Arc::new(StoreState::default());
        let metrics = Arc::new(StoreMetrics::default());
        let pool = |limits| ReaderPool::new(&connector, limits, Arc::clone(&state), Arc::clone(&metrics));
        let readers = pool(&READERS).map_err(|error| unreachable(error.into()))?;
        let list_readers = pool(&LIST_READERS).map_err(|error| unreachable(error.into()))?;
        let listeners = Arc::new(CommitListeners::default());
        let writer =
            Writer::new(writers, current, Arc::clone(&state), Arc::clone(&listeners), Arc::clone(&metrics));
        let (queue, messages) = mpsc::channel(QUEUE_SIZE);
        tokio::spawn(writer.run(messages));
        let lists = ListAdmission::default();
        let node = NodeConnection::new(connector, id, Arc::clone(&state));
        Ok(Arc::new(Self {
            readers,
            list_readers,
            lists,
            queue,
            listeners,
            state,
            metrics,
            node,
            limits,
            database,
        }))
    }

    /// Queues a request, and waits for its outcome. A caller that stops waiting does not cancel the request.
    async fn request(&self, input: Input) -> Result<Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(WriteRequest { input, queued_at: Instant::now(), reply })?;
        match timeout(self.limits.outcome, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(self.writer_ended()),
            Err(_) => Err(StoreError::OutcomeUnknown),
        }
    }

    fn send(&self, request: WriteRequest) -> Result<(), StoreError> {
        self.state.check_open()?;
        // Counted first, because the writer may finish the request before this thread continues.
        self.metrics.request_started();
        self.queue.try_send(Message::Request(request)).map_err(|error| {
            self.metrics.requests_finished(1);
            self.metrics.requests_failed(1);
            match error {
                mpsc::error::TrySendError::Full(_) => {
                    StoreError::Unavailable { reason: "the write queue is full", source: None }
                }
                mpsc::error::TrySendError::Closed(_) => self.writer_ended(),
            }
        })
    }

    /// The error for a writer that has ended.
    fn writer_ended(&self) -> StoreError {
        self.state.check_open().err().unwrap_or(StoreError::Poisoned)
    }

    fn add_listener(&self, listener: Arc<dyn CommitListener>) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("database", &self.database).finish_non_exhaustive()
    }
}
