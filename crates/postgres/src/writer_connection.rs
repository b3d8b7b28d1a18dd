//! The connection that writes, and the epoch that it has raised.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use counterfoil_core::store::NodeId;

use crate::connection::{Connected, Connector, session_settings};
use crate::error::QueryError;
use crate::standby_warning::{DurabilityWarning, warning_of};
use crate::statement::Connection;
use crate::store_lock::{self, Access};
use crate::tables::writers::{self, Takeover};

/// How long the parts of a request to the writer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriterLimits {
    /// After this time the server ends a statement.
    pub(crate) statement: Duration,
    /// Within this time a statement must be answered.
    pub(crate) answer: Duration,
    /// How long a caller waits for the outcome of a request. The writer carries it out in any case.
    pub(crate) outcome: Duration,
    /// For how long the writer tries to find out whether a commit was executed whose answer was lost.
    pub(crate) resolution: Duration,
}

impl WriterLimits {
    /// Other processes wait for each commit, and users for the outcome.
    pub(crate) const SHARED: Self = Self {
        statement: Duration::from_secs(2),
        answer: Duration::from_secs(3),
        outcome: Duration::from_secs(10),
        resolution: Duration::MAX,
    };

    /// For a command that has the store alone and changes all rows of a table, in many statements of one transaction.
    pub(crate) const ALONE: Self = Self {
        statement: Duration::from_secs(60),
        answer: Duration::from_secs(65),
        outcome: Duration::MAX,
        resolution: Duration::from_secs(60),
    };
}

/// The time within which a test of the connection must be answered, and the end of a transaction.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The time within which a connection must become the writer; longer than the wait for the lock of the store. The server limits no
/// commit that waits for a standby.
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The settings of the connection that writes, beyond those of every session. A commit is durable when it is answered, so
/// `synchronous_commit = off` does not count. A transaction whose process stands still ends soon: other processes wait for the
/// lock of commits.
const WRITER_SETTINGS: &str = "
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false);
    SET idle_in_transaction_session_timeout = 2000";

/// The settings of a connection that writes.
pub(crate) fn writer_settings(limits: WriterLimits) -> String {
    format!("{}; {WRITER_SETTINGS}", session_settings(limits.statement))
}

/// Makes the connections that write for this process, one after the other.
pub(crate) struct WriterConnector {
    connector: Connector,
    id: NodeId,
    access: Access,
    limits: WriterLimits,
}

/// The connection of the writer.
pub(crate) struct WriterConnection {
    pub(crate) connection: Connection,
    /// Answered, or dropped, when the connection has ended.
    pub(crate) ended: oneshot::Receiver<()>,
    pub(crate) takeover: Takeover,
}

impl WriterConnector {
    pub(crate) fn new(connector: Connector, id: NodeId, (access, limits): (Access, WriterLimits)) -> Self {
        Self { connector, id, access, limits }
    }

    /// How long a request may take.
    pub(crate) fn limits(&self) -> WriterLimits {
        self.limits
    }

    /// The process that writes.
    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// Whether the server could lose commits that it has confirmed, with the reason.
    pub(crate) async fn durability_warning(
        &self,
        connection: &Connection,
    ) -> Result<Option<DurabilityWarning>, QueryError> {
        warning_of(connection, self.connector.has_several_hosts()).await
    }

    /// Connects, and becomes the writer of this process again.
    ///
    /// # Errors
    ///
    /// [`QueryError::Locked`] if another process has the store open in a way that excludes this one, and
    /// [`QueryError::Superseded`] if a program had the store for itself meanwhile.
    pub(crate) async fn connect(&self) -> Result<WriterConnection, QueryError> {
        let Connected { connection, ended } = self.connect_first().await?;
        let takeover = async {
            match self.access {
                Access::Shared => store_lock::share(&connection).await?,
                Access::Alone => store_lock::exclude_others(&connection).await?,
            }
            writers::take_over(&connection, self.id).await
        };
        let takeover = timeout(SETUP_TIMEOUT, takeover).await.map_err(|_| QueryError::TimedOut)??;
        Ok(WriterConnection { connection, ended, takeover })
    }

    /// Connects, without the lock of the store, and without a right to write yet.
    pub(crate) async fn connect_first(&self) -> Result<Connected, QueryError> {
        let connected = self.connector.connect().await?;
        let settings = writer_settings(self.limits());
        let setup = async { connected.connection.batch_execute(&settings).await };
        timeout(SETUP_TIMEOUT, setup).await.map_err(|_| QueryError::TimedOut)??;
        Ok(connected)
    }
}

impl WriterConnection {
    /// Removes the row of this process.
    pub(crate) async fn end(self, id: NodeId) {
        // If it fails, the row stays until many other processes have opened the store.
        let _ = timeout(SETUP_TIMEOUT, writers::remove(id).query(&self.connection)).await;
    }
}
