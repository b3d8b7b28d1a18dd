//! The table `writer`: which connection writes, what it committed last, and the newest time in any record.

use counterfoil_jose::Time;

use super::columns::{Columns, unix_ms};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, statement};

/// The random id of a commit.
pub(crate) type CommitId = [u8; 16];

/// What a connection learns when it becomes the writer.
pub(crate) struct Takeover {
    /// The number of this connection. A former writer cannot commit any more.
    pub(crate) epoch: i64,
    /// The id of the last commit of a former writer; `None` if there was none.
    pub(crate) last_commit: Option<CommitId>,
}

/// Makes this connection the writer. It waits until a commit in progress of the former writer is decided.
///
/// # Errors
///
/// [`QueryError::Superseded`] if the former writer is not the one with the epoch `former`; then nothing is changed.
pub(crate) async fn take_over(connection: &Connection, former: Option<i64>) -> Result<Takeover, QueryError> {
    let row = statement!(
        "UPDATE writer SET epoch = epoch + 1 WHERE $1::bigint IS NULL OR epoch = $1 RETURNING epoch, last_commit",
        former
    )
    .query_opt(connection)
    .await?
    .ok_or(QueryError::Superseded)?;
    let mut columns = Columns::new(&row);
    let epoch = columns.value()?;
    let last_commit: &[u8] = columns.value()?;
    Ok(Takeover { epoch, last_commit: last_commit.try_into().ok() })
}

/// Notes a commit, if the connection with this epoch is still the writer, and raises the newest time to `newest`.
pub(crate) fn mark<'p>(epoch: i64, commit: CommitId, newest: Time) -> Statement<'p> {
    statement!(
        required!(
            "UPDATE writer SET last_commit = $2, newest_at = greatest(newest_at, $3) WHERE single_row AND epoch = $1"
        ),
        epoch,
        commit.to_vec(),
        unix_ms(newest)
    )
}

/// The number of the connection that writes now.
pub(crate) async fn current_epoch(connection: &Connection) -> Result<i64, QueryError> {
    let row = statement!("SELECT epoch FROM writer").query_one(connection).await?;
    Columns::new(&row).value()
}

/// The newest time in any record, past or present.
pub(crate) async fn newest_time(connection: &Connection) -> Result<Time, QueryError> {
    let row = statement!("SELECT newest_at FROM writer").query_one(connection).await?;
    Columns::new(&row).time()
}
