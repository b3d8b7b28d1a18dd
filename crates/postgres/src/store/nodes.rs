//! The registry of the nodes: a connection of its own, which renews and listens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

use counterfoil_core::store::{NodeId, NodeNews, NodeRegistry, NodeRenewal, NodeRow, StoreError};

use super::PostgresStore;
use crate::connection::{Connected, Connector};
use crate::error::QueryError;
use crate::error_class::store_error;
use crate::state::StoreState;
use crate::statement::{Connection, Failure, Pipeline, Statement};
use crate::tables::revocation_log::LogNews;
use crate::tables::{nodes, revocation_log, writers};
use crate::writer_connection::writer_settings;

/// The time within which a statement must be answered. The server gives up earlier.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// How often it is looked whether the other nodes have applied something.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The connection by which this process is a node. It is made when it is needed first.
///
/// It waits neither for the connection that writes nor for a free one of the pools: a node with much to do renews in time.
pub(crate) struct NodeConnection {
    connector: Connector,
    pub(crate) id: NodeId,
    current: Mutex<Option<Connected>>,
    state: Arc<StoreState>,
    announced: Arc<Notify>,
}

impl NodeConnection {
    pub(crate) fn new(connector: Connector, id: NodeId, state: Arc<StoreState>) -> Self {
        Self { connector, id, current: Mutex::default(), state, announced: Arc::default() }
    }

    /// Executes `transaction` on the connection. After a failure the next one gets another connection.
    async fn with<T>(
        &self,
        transaction: impl AsyncFnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut current = self.current.lock().await;
        let connected = match current.take().filter(is_open) {
            Some(connected) => connected,
            None => self.connect().await?,
        };
        let result = transaction(&connected.connection).await;
        if result.is_ok() {
            *current = Some(connected);
        }
        result.map_err(failure_error)
    }

    /// Connects. Connections that read and are older are given up: they may lead to a former primary, which refuses a renewal, but
    /// answers reads with what was revoked since.
    async fn connect(&self) -> Result<Connected, StoreError> {
        self.state.distrust_readers_before(Instant::now());
        let connected = self.connector.connect_notifying(Arc::clone(&self.announced)).await?;
        let setup = format!("{}; {}", writer_settings(), nodes::LISTEN);
        connected.connection.batch_execute(&setup).await.map_err(QueryError::from)?;
        // Whatever was announced before.
        self.announced.notify_one();
        Ok(connected)
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        self.current.lock().await.take();
    }
}

fn is_open(connected: &Connected) -> bool {
    !connected.connection.is_closed()
}

fn failure_error(failure: Failure) -> StoreError {
    match failure {
        Failure::Conflict(_) | Failure::Superseded => QueryError::Superseded.into(),
        Failure::Statement(error)
        | Failure::Retry(error)
        | Failure::ConnectionLost(error)
        | Failure::OutcomeUnknown(error) => store_error(Arc::new(error)),
    }
}

/// Commits these statements in one transaction; returns the rows of the last one.
async fn commit(
    connection: &Connection,
    begin: &'static str,
    statements: impl IntoIterator<Item = Statement<'static>>,
) -> Result<Vec<tokio_postgres::Row>, Failure> {
    let mut pipeline = Pipeline::new(connection, ANSWER_TIMEOUT);
    pipeline.control(begin);
    let mut rows = Vec::new();
    for statement in statements {
        rows = pipeline.query(statement).await?;
    }
    pipeline.end().await?;
    Ok(rows)
}

#[async_trait]
impl NodeRegistry for PostgresStore {
    fn id(&self) -> NodeId {
        self.node.id
    }

    async fn join(&self, name: &str, lease: Duration) -> Result<u64, StoreError> {
        self.state.check_not_ended()?;
        let statements = nodes::insert(self.node.id, name, lease);
        let rows = self.node.with(async |connection| commit(connection, writers::BEGIN, statements).await);
        Ok(nodes::read_number(&rows.await?)?)
    }

    async fn renew(&self, renewal: &NodeRenewal) -> Result<Option<NodeNews>, StoreError> {
        self.state.check_not_ended()?;
        let (id, renewal) = (self.node.id, renewal.clone());
        self.node.with(async |connection| renew(connection, id, &renewal).await).await
    }

    async fn promise(&self, lease: Duration) -> Result<(), StoreError> {
        self.state.check_not_ended()?;
        let promise = nodes::promise(self.node.id, lease);
        let rows = self.node.with(async |connection| commit(connection, "BEGIN", [promise]).await).await?;
        if rows.is_empty() {
            return Err(failure_error(Failure::Superseded));
        }
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        // Not by a connection that reads: it may lead to a former primary, where the counters of the others stand still. There
        // a renewal is not answered, and this waits for it, and then for another connection.
        self.node.with(async |connection| read_nodes(connection).await).await
    }

    async fn remove(&self, node: NodeId, renewals: u64) -> Result<(), StoreError> {
        self.state.check_not_ended()?;
        let remove = nodes::remove(node, renewals)?;
        self.node.with(async |connection| commit(connection, writers::BEGIN, [remove]).await).await.map(drop)
    }

    async fn leave(&self) -> Result<(), StoreError> {
        let leave = nodes::leave(self.node.id);
        self.node.with(async |connection| commit(connection, writers::BEGIN, [leave]).await).await.map(drop)
    }

    async fn wait_until_applied(&self) -> Result<(), StoreError> {
        let newest = self.node.with(async |connection| read_newest_change(connection).await).await?;
        let mut seen: HashMap<NodeId, (u64, Instant)> = HashMap::new();
        loop {
            let rows = self.nodes().await?;
            let now = Instant::now();
            let is_awaited = |row: &NodeRow| {
                let (renewals, since) = *seen
                    .entry(row.id)
                    .and_modify(|(renewals, since)| {
                        if *renewals != row.renewals {
                            (*renewals, *since) = (row.renewals, now);
                        }
                    })
                    .or_insert((row.renewals, now));
                // A quarter longer, because clocks run at different rates.
                let is_over = renewals == row.renewals && now.duration_since(since) >= row.lease * 5 / 4;
                row.id != self.node.id && row.last_change < newest && !is_over
            };
            // Each row is looked at, so that the first sight of its counter is noted.
            if rows.iter().map(is_awaited).fold(false, |any, one| any | one) {
                sleep(LOOK_INTERVAL).await;
                continue;
            }
            return Ok(());
        }
    }

    async fn announced(&self) {
        self.node.announced.notified().await;
    }
}

async fn read_newest_change(connection: &Connection) -> Result<u64, Failure> {
    let rows = Pipeline::new(connection, ANSWER_TIMEOUT).query(nodes::select_newest_change()).await?;
    Ok(nodes::read_number(&rows)?)
}

async fn read_nodes(connection: &Connection) -> Result<Vec<NodeRow>, Failure> {
    let rows = Pipeline::new(connection, ANSWER_TIMEOUT).query(nodes::select_all()).await?;
    Ok(nodes::read_all(&rows)?)
}

/// Commits the counter, and then reads the revocation log and the changes up to their ends.
///
/// An observer that does not see the new counter has read the rows before that commit. So what it has committed before is in
/// these reads, which have later snapshots. Read in the transaction of the counter they would lack a revocation whose
/// observer takes this node for dead while the transaction is open.
async fn renew(
    connection: &Connection,
    id: NodeId,
    renewal: &NodeRenewal,
) -> Result<Option<NodeNews>, Failure> {
    let mut pipeline = Pipeline::new(connection, ANSWER_TIMEOUT);
    pipeline.control("BEGIN");
    let is_known = !pipeline.query(nodes::renew(id, renewal)?).await?.is_empty();
    pipeline.end().await?;
    if !is_known {
        return Ok(None);
    }
    let news =
        revocation_log::read_news(&pipeline.query(revocation_log::select_news(renewal.applied)).await?)?;
    // Read later than the entries, so that every commit of an entry is in it.
    let rows = pipeline.query(nodes::changes_after(renewal.last_change)?).await?;
    let (changes, last_change) = nodes::read_changes(&rows, id, renewal.last_change)?;
    let LogNews { log, head, clock, entries } = news;
    Ok(Some(NodeNews { log, entries, head, changes, last_change, store_clock: clock }))
}
