//! The tables `writers` and `writer`: which connection of each process writes, what it committed last, and the newest time in
//! any record.

use counterfoil_core::store::NodeId;
use counterfoil_jose::Time;

use super::columns::{Columns, unix_ms};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, statement};

/// The random id of a commit.
pub(crate) type CommitId = [u8; 16];

/// How many rows of processes that have ended without a stop are kept at most.
const MAX_FORMER: i64 = 1_000;

/// Begins a transaction that is the only one of all processes until it ends. Everything that it reads afterwards stays true
/// until it commits: its statements see every commit before it.
pub(crate) const BEGIN: &str =
    "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('counterfoil commit ' || current_schema(), 0))";

/// What a connection learns when it becomes the writer of its process.
pub(crate) struct Takeover {
    /// The number of this connection. A former one cannot commit any more.
    pub(crate) epoch: i64,
    /// The last commit of a former connection; `None` if there was none.
    pub(crate) last_commit: Option<CommitId>,
}

/// Inserts the row of a process that opens the store.
pub(crate) async fn insert(connection: &Connection, id: NodeId) -> Result<Takeover, QueryError> {
    statement!(
        "DELETE FROM writers WHERE number <= (SELECT number FROM writers ORDER BY number DESC OFFSET $1 LIMIT 1)
             AND NOT EXISTS (SELECT FROM nodes WHERE nodes.id = writers.id)",
        MAX_FORMER
    )
    .query(connection)
    .await?;
    let insert =
        statement!("INSERT INTO writers (id, epoch, last_commit) VALUES ($1, 1, '')", id.as_bytes().to_vec());
    insert.query(connection).await?;
    Ok(Takeover { epoch: 1, last_commit: None })
}

/// Makes this connection the writer of its process. It waits until a commit in progress of the former one is decided.
///
/// # Errors
///
/// [`QueryError::Superseded`] if the row of the process was removed by [`remove_all`]; then nothing is changed.
pub(crate) async fn take_over(connection: &Connection, id: NodeId) -> Result<Takeover, QueryError> {
    let row = statement!(
        "UPDATE writers SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch, last_commit",
        id.as_bytes().to_vec()
    )
    .query_opt(connection)
    .await?
    .ok_or(QueryError::Superseded)?;
    let mut columns = Columns::new(&row);
    let epoch = columns.value()?;
    let last_commit: &[u8] = columns.value()?;
    Ok(Takeover { epoch, last_commit: last_commit.try_into().ok() })
}

/// Removes every process, of which none is connected. From here on none writes, joins or renews, also with a statement that is
/// still on its way: a join is before this in the order of commits, or finds no row.
pub(crate) async fn remove_all(connection: &Connection) -> Result<(), QueryError> {
    connection.batch_execute(BEGIN).await?;
    statement!("DELETE FROM writers").query(connection).await?;
    Ok(connection.batch_execute("COMMIT").await?)
}

/// Notes a commit, if the connection with this epoch is still the writer of its process, and raises the newest time.
pub(crate) fn mark<'p>(id: NodeId, epoch: i64, commit: CommitId, newest: Time) -> Statement<'p> {
    statement!(
        concat!(
            "WITH newest AS (UPDATE writer SET newest_at = $4 WHERE newest_at < $4), changed AS (",
            "UPDATE writers SET last_commit = $3 WHERE id = $1 AND epoch = $2 RETURNING 1",
            ") SELECT require_row(EXISTS (SELECT FROM changed))"
        ),
        id.as_bytes().to_vec(),
        epoch,
        commit.to_vec(),
        unix_ms(newest)
    )
}

/// The number of the connection that writes now; `None` if the row was removed.
pub(crate) async fn current_epoch(connection: &Connection, id: NodeId) -> Result<Option<i64>, QueryError> {
    let row = statement!("SELECT epoch FROM writers WHERE id = $1", id.as_bytes().to_vec())
        .query_opt(connection)
        .await?;
    row.map(|row| Columns::new(&row).value()).transpose()
}

/// Removes the row of a process.
pub(crate) fn remove<'p>(id: NodeId) -> Statement<'p> {
    statement!("DELETE FROM writers WHERE id = $1", id.as_bytes().to_vec())
}

/// The newest time in any record, past or present.
pub(crate) async fn newest_time(connection: &Connection) -> Result<Time, QueryError> {
    let row = statement!("SELECT newest_at FROM writer").query_one(connection).await?;
    Columns::new(&row).time()
}
