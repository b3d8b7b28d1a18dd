//! The right to write: a connection that holds the lock of the store, and the epoch that it has raised.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::connection::{Connected, Connector, session_settings};
use crate::error::QueryError;
use crate::statement::{Connection, statement};
use crate::tables::writer::{Takeover, take_over};

/// The time after which a statement of the writer fails.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a former connection may take to end, for example that of a process that was killed.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// The time between two attempts to take the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// The settings of the connection that writes, beyond those of every session. A commit is durable when it is answered, so
/// `synchronous_commit = off` does not count. The server ends the session of a machine that has gone away after it has
/// given up its lease: the writer tests its connection every second.
const WRITER_SETTINGS: &str = "
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false);
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2";

/// Makes connections that hold the lock of the store.
pub(crate) struct WriterLock {
    connector: Connector,
    /// The session that held the lock last: the process id of its server process, and when that was started.
    former: Option<(i32, String)>,
}

/// A connection that holds the lock of the store.
pub(crate) struct LockedConnection {
    pub(crate) connection: Connection,
    /// Answered, or dropped, when the connection has ended.
    ended: oneshot::Receiver<()>,
}

/// The connection of the writer.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) ended: oneshot::Receiver<()>,
    pub(crate) takeover: Takeover,
}

impl WriterLock {
    pub(crate) fn new(connector: Connector) -> Self {
        Self { connector, former: None }
    }

    /// Connects, takes the lock, and becomes the writer after the one with the epoch `former`, which was this process.
    pub(crate) async fn connect(&mut self, former: i64) -> Result<Lease, QueryError> {
        self.lock().await?.take_over(Some(former)).await
    }

    /// Connects and takes the lock of the store.
    ///
    /// # Errors
    ///
    /// [`QueryError::Locked`] if another process holds the lock.
    pub(crate) async fn lock(&mut self) -> Result<LockedConnection, QueryError> {
        let Connected { connection, ended } = self.connector.connect().await?;
        connection.batch_execute(&session_settings(STATEMENT_TIMEOUT)).await?;
        connection.batch_execute(WRITER_SETTINGS).await?;
        let started = Instant::now();
        while !try_lock(&connection).await? {
            // The former connection of this process may not know yet that it has ended.
            if let Some((pid, start)) = &self.former {
                terminate(&connection, *pid, start).await?;
            }
            if started.elapsed() > LOCK_TIMEOUT {
                return Err(QueryError::Locked);
            }
            sleep(LOCK_INTERVAL).await;
        }
        self.former = Some(session(&connection).await?);
        Ok(LockedConnection { connection, ended })
    }
}

impl LockedConnection {
    /// Makes this connection the writer, after the one with the epoch `former` or after any.
    pub(crate) async fn take_over(self, former: Option<i64>) -> Result<Lease, QueryError> {
        let takeover = take_over(&self.connection, former).await?;
        Ok(Lease { connection: self.connection, ended: self.ended, takeover })
    }
}

impl Lease {
    /// Ends the connection and with it the lock.
    pub(crate) async fn end(self) {
        let unlock = "SELECT pg_advisory_unlock_all()";
        // If it fails, the connection has ended, and the lock with it.
        let _ = self.connection.batch_execute(unlock).await;
    }
}

/// Takes the lock of the store in this schema. The lock lasts as long as the session.
async fn try_lock(connection: &Connection) -> Result<bool, QueryError> {
    let row = statement!(
        "SELECT pg_try_advisory_lock(hashtextextended('counterfoil store ' || current_schema(), 0))"
    )
    .query_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

async fn session(connection: &Connection) -> Result<(i32, String), QueryError> {
    let row =
        statement!("SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()")
            .query_one(connection)
            .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Ends the session with this process id, if it is the one that was started then.
async fn terminate(connection: &Connection, pid: i32, start: &str) -> Result<(), QueryError> {
    statement!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2",
        pid,
        start
    )
    .query(connection)
    .await
    .map(drop)
}
