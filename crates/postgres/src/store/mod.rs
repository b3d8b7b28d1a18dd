//! The store: it opens the database, starts the writer, and sends requests to it.

mod nodes;
mod operations;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use counterfoil_core::model::client::Client;
use counterfoil_core::store::metrics::StoreMetrics;
use counterfoil_core::store::{CommitListener, NodeId, StoreError};
use counterfoil_verify::ClientId;

use crate::canonical_names::follow_rules;
use crate::connection::{Connected, Connector};
use crate::error::{OpenError, QueryError};
use crate::node_connection::NodeConnection;
use crate::reader_pool::{ListAdmission, PoolLimits, ReaderPool};
use crate::schema::{self, SchemaState};
use crate::session_probe::require_session;
use crate::state::StoreState;
use crate::statement::Connection;
use crate::store_lock::{self, Access};
use crate::tables::{clients, nodes as nodes_table, writers};
use crate::url::PostgresUrl;
use crate::write_request::{Input, Output, WriteRequest};
use crate::writer::{CommitListeners, Message, QUEUE_SIZE, Writer};
use crate::writer_connection::{WriterConnection, WriterConnector};

/// The connections of requests.
const READERS: PoolLimits =
    PoolLimits { connections: 8, wait: Duration::from_secs(1), statement: Duration::from_secs(2) };

/// The connections of lists, which take longer.
const LIST_READERS: PoolLimits =
    PoolLimits { connections: 2, wait: Duration::from_secs(10), statement: Duration::from_secs(20) };

/// How long a caller waits for the outcome of a request. The writer carries it out in any case.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(10);

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
        Self::open_with(url, Arc::new(reload), Access::Shared).await
    }

    /// As [`PostgresStore::open`], and every other process is refused as long as this store is open. A node that was cut off from
    /// the database and is connected again must be restarted.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::open`], and [`OpenError::InUse`] if another process has the store open.
    pub async fn open_alone(url: &PostgresUrl) -> Result<Arc<Self>, OpenError> {
        Self::open_with(url, Arc::new(|| None), Access::Alone).await
    }

    async fn open_with(
        url: &PostgresUrl,
        reload: Arc<dyn Fn() -> Option<PostgresUrl> + Send + Sync>,
        access: Access,
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
        let writers = WriterConnector::new(connector.clone(), id, access);
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
        Ok(Arc::new(Self { readers, list_readers, lists, queue, listeners, state, metrics, node, database }))
    }

    /// Queues a request, and waits for its outcome. A caller that stops waiting does not cancel the request.
    async fn request(&self, input: Input) -> Result<Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(WriteRequest { input, queued_at: Instant::now(), reply })?;
        match timeout(OUTCOME_TIMEOUT, answer).await {
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

/// Checks the server, creates or migrates the tables, and becomes the writer of this process.
async fn prepare(
    Connected { mut connection, ended }: Connected,
    (id, access): (NodeId, Access),
    database: &str,
) -> Result<WriterConnection, OpenError> {
    let schema_error = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Schema {
        database: database.to_owned(),
        source,
    };
    check_server(&connection, database).await?;
    // Processes that start at the same time create or migrate the tables once, and the others wait here.
    schema::lock(&connection).await.map_err(|error| schema_error(error.into()))?;
    let state = schema::state(&connection).await.map_err(|error| schema_error(error.into()))?;
    check_newer(state, access, database)?;
    let locks_out_older = state.is_migrated_alone();
    lock_store(&connection, (access, locks_out_older), database).await?;
    if matches!(state, SchemaState::Missing | SchemaState::Older { .. }) {
        let migrated = schema::migrate(&mut connection, state).await;
        migrated.map_err(|error| error.into_open_error(database))?;
    }
    if locks_out_older && access == Access::Shared {
        // First the one, then the other: at no moment may a program have the store for itself.
        store_lock::share(&connection).await.map_err(|error| schema_error(error.into()))?;
        store_lock::admit_others(&connection).await.map_err(|error| schema_error(error.into()))?;
    }
    bring_up_to_date(&connection, state).await.map_err(|error| schema_error(error.into()))?;
    schema::unlock(&connection).await.map_err(|error| schema_error(error.into()))?;
    if access == Access::Alone {
        supersede_others(&connection).await.map_err(|error| schema_error(error.into()))?;
    }
    let takeover = writers::insert(&connection, id).await.map_err(|error| schema_error(error.into()))?;
    Ok(WriterConnection { connection, ended, takeover })
}

/// Takes the lock of the store: alone for a program that must be alone, and for a migration with which others that may have
/// the store open now cannot work.
async fn lock_store(
    connection: &Connection,
    (access, locks_out_older): (Access, bool),
    database: &str,
) -> Result<(), OpenError> {
    let locked = match access {
        Access::Shared if !locks_out_older => store_lock::share(connection).await,
        Access::Shared | Access::Alone => store_lock::exclude_others(connection).await,
    };
    let database = database.to_owned();
    match locked {
        Ok(()) => Ok(()),
        Err(QueryError::Locked) if locks_out_older && access == Access::Shared => {
            Err(OpenError::InUseByOlder { database })
        }
        Err(QueryError::Locked) => Err(OpenError::InUse { database }),
        Err(error) => Err(OpenError::Schema { database, source: error.into() }),
    }
}

/// Refuses a store that a newer program has migrated, unless it says that this one may use it. A program that changes the whole
/// store must know all of it.
fn check_newer(state: SchemaState, access: Access, database: &str) -> Result<(), OpenError> {
    let (found, min_reader) = match state {
        SchemaState::Missing | SchemaState::Older { .. } | SchemaState::Current => return Ok(()),
        SchemaState::NewerCompatible { version } if access == Access::Shared => {
            tracing::warn!(
                store = version,
                program = schema::newest(),
                "a newer version has migrated the store; this version may use it until all nodes are upgraded"
            );
            return Ok(());
        }
        SchemaState::NewerCompatible { version } => (version, version),
        SchemaState::TooNew { version, min_reader } => (version, min_reader),
    };
    let database = database.to_owned();
    Err(OpenError::NewerSchema { database, found, min_reader, supported: schema::newest() })
}

/// Removes the processes that have ended without a stop, and waits until neither they nor their verifiers accept anything: a
/// node that is cut off from the database does until its lease is over, and a verifier of it until the lease after that. The
/// connection has the store for itself.
///
/// The rows of the nodes are removed last: if this program is interrupted before, the next one counts them again, and so does a
/// wait for the fleet.
pub(crate) async fn supersede_others(connection: &Connection) -> Result<(), QueryError> {
    writers::remove_all(connection).await?;
    let (lease, _) = nodes_table::longest_leases(connection).await?;
    sleep(lease + lease / 4).await;
    // No node promises anything from here on.
    let (_, promised) = nodes_table::longest_leases(connection).await?;
    sleep(promised + promised / 4).await;
    nodes_table::remove_all(connection).await
}

/// Refuses a server that cannot keep what is written.
pub(crate) async fn check_server(connection: &Connection, database: &str) -> Result<(), OpenError> {
    let select =
        "SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync') = 'on'";
    let read = async || -> Result<(String, bool, bool), QueryError> {
        let row = connection.query_one(select, &[]).await?;
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let (encoding, is_standby, syncs) = read()
        .await
        .map_err(|error| OpenError::Unreachable { database: database.to_owned(), source: error.into() })?;
    if is_standby {
        return Err(OpenError::ReadOnly { database: database.to_owned() });
    }
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { database: database.to_owned(), encoding });
    }
    if !syncs {
        tracing::warn!(
            "`fsync` is off in PostgreSQL: a crash of its machine can lose commits that were confirmed"
        );
    }
    Ok(())
}

/// Inserts what a new store has, and makes stored names follow the rules of this program, unless a newer program has migrated
/// the store: its rules may be newer too, and its names must not get their former forms again.
async fn bring_up_to_date(connection: &Connection, found: SchemaState) -> Result<(), QueryError> {
    // A start that was interrupted after the migration has left no client.
    let is_new = clients::find(connection, &ClientId::default()).await?.is_none();
    connection.batch_execute(writers::BEGIN).await?;
    if is_new {
        clients::insert(&Client::default_client())?.query(connection).await?;
    }
    if !matches!(found, SchemaState::NewerCompatible { .. }) {
        follow_rules(connection).await?;
    }
    connection.batch_execute("COMMIT").await?;
    Ok(())
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("database", &self.database).finish_non_exhaustive()
    }
}
