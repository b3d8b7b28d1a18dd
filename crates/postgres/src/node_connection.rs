//! The connection by which this process is a node: it renews and listens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use counterfoil_core::store::{NodeId, StoreError};

use crate::connection::{Connected, Connector};
use crate::error::QueryError;
use crate::error_class::store_error;
use crate::state::StoreState;
use crate::statement::{Connection, Failure, Pipeline, Statement};
use crate::tables::nodes;
use crate::writer_connection::{WriterLimits, writer_settings};

/// The time within which a statement must be answered. The server gives up earlier.
pub(crate) const ANSWER_TIMEOUT: Duration = WriterLimits::SHARED.answer;

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
    pub(crate) async fn with<T>(
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
        let setup = format!("{}; {}", writer_settings(WriterLimits::SHARED), nodes::LISTEN);
        let executed = timeout(ANSWER_TIMEOUT, connected.connection.batch_execute(&setup)).await;
        executed.map_err(|_| QueryError::TimedOut)?.map_err(QueryError::from)?;
        // Whatever was announced before.
        self.announced.notify_one();
        Ok(connected)
    }

    /// Waits until a commit of another process was announced, or the connection has ended.
    pub(crate) async fn announced(&self) {
        self.announced.notified().await;
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        self.current.lock().await.take();
    }
}

fn is_open(connected: &Connected) -> bool {
    !connected.connection.is_closed()
}

/// The store error of a failed transaction.
pub(crate) fn failure_error(failure: Failure) -> StoreError {
    match failure {
        Failure::Conflict(_) | Failure::Superseded => QueryError::Superseded.into(),
        Failure::Statement(error)
        | Failure::Retry(error)
        | Failure::ConnectionLost(error)
        | Failure::OutcomeUnknown(error) => store_error(Arc::new(error)),
    }
}

/// Commits these statements in one transaction; returns the rows of the last one.
pub(crate) async fn commit(
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
