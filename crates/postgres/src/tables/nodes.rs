//! The tables `nodes` and `node_changes`: who serves from the store, and what others may have in memory.

use std::time::Duration;

use tokio_postgres::Row;

use counterfoil_core::store::{NodeChange, NodeId, NodeRenewal, NodeRow};

use super::columns::{Columns, Text, milliseconds, position, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, statement};
use crate::tables::revocation_log::MAX_NEWS;

/// The channel on which commits are announced. Stores in other schemas of the database are woken too, and find nothing new.
pub(crate) const LISTEN: &str = "LISTEN counterfoil_nodes";

/// Adds what a commit of `origin` has changed, and announces it at its end. It costs one read if no other node serves.
pub(crate) fn announce<'p>(origin: NodeId, changes: &[NodeChange]) -> Statement<'p> {
    statement!(
        "WITH others AS (SELECT 1 FROM nodes WHERE id <> $1 LIMIT 1),
              added AS (INSERT INTO node_changes (origin, change)
                        SELECT $1, change FROM unnest($2::text[]) change WHERE EXISTS (SELECT FROM others))
         SELECT pg_notify('counterfoil_nodes', '') FROM others",
        origin.as_bytes().to_vec(),
        changes.iter().map(NodeChange::to_string).collect::<Vec<_>>()
    )
}

/// Inserts the row of a node, unless it exists, or the process may not write any more; [`read_number`] reads the number of the newest change.
///
/// It is executed under the lock of commits: a commit after it finds the row and adds its changes, and what a commit before
/// it has changed is read from the store.
///
/// The counter begins with a random number: a process that joins again must not show a counter to an observer that saw the same one
/// long ago, and would take the node for dead.
pub(crate) fn insert<'p>(id: NodeId, name: &str, lease: Duration) -> [Statement<'p>; 2] {
    let insert = statement!(
        "INSERT INTO nodes (id, name, renewals, applied, confirmed, last_change, lease_ms, promised_ms)
         SELECT id, $2::text, (random() * 1e15)::bigint, 0, 0,
                (SELECT coalesce(max(number), 0) FROM node_changes), $3::bigint, 0
         FROM writers WHERE id = $1
         ON CONFLICT (id) DO NOTHING",
        id.as_bytes().to_vec(),
        Text(name).into_stored(),
        milliseconds(lease)
    );
    let select = statement!("SELECT last_change FROM nodes WHERE id = $1", id.as_bytes().to_vec());
    [insert, select]
}

/// The number that a statement returns.
///
/// # Errors
///
/// [`QueryError::Superseded`] if there is no row.
pub(crate) fn read_number(rows: &[Row]) -> Result<u64, QueryError> {
    let row = rows.first().ok_or(QueryError::Superseded)?;
    Columns::new(row).unsigned()
}

/// Raises the counter of a node; returns a row, if there is one, and the process may still write.
pub(crate) fn renew<'p>(id: NodeId, renewal: &NodeRenewal) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        "UPDATE nodes SET renewals = renewals + 1, applied = $2, confirmed = $3, last_change = $4
         WHERE id = $1 AND EXISTS (SELECT FROM writers WHERE writers.id = $1) RETURNING 1",
        id.as_bytes().to_vec(),
        position(renewal.applied)?,
        position(renewal.confirmed)?,
        unsigned(renewal.last_change)?
    ))
}

/// The next changes after the number `after`, by any process; [`read_changes`] reads them.
pub(crate) fn changes_after<'p>(after: u64) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        "SELECT number, origin, change FROM node_changes WHERE number > $1 ORDER BY number LIMIT $2",
        unsigned(after)?,
        i64::from(MAX_NEWS)
    ))
}

/// The changes by others than `own`, and the number of the last change, or `after` if nothing has changed.
pub(crate) fn read_changes(
    rows: &[Row],
    own: NodeId,
    after: u64,
) -> Result<(Vec<NodeChange>, u64), QueryError> {
    let (mut changes, mut last) = (Vec::new(), after);
    for row in rows {
        let mut columns = Columns::new(row);
        last = columns.unsigned()?;
        let origin = NodeId::from_bytes(columns.bytes()?);
        let change = columns.parsed()?;
        if origin != own {
            changes.push(change);
        }
    }
    Ok((changes, last))
}

/// The number of the newest change; 0 if every node has applied all of them. [`read_number`] reads it.
pub(crate) fn select_newest_change<'p>() -> Statement<'p> {
    statement!("SELECT coalesce(max(number), 0) FROM node_changes")
}

/// Raises the longest lease that a node has promised; returns a row, if there is one.
pub(crate) fn promise<'p>(id: NodeId, lease: Duration) -> Statement<'p> {
    statement!(
        "UPDATE nodes SET promised_ms = greatest(promised_ms, $2) WHERE id = $1 RETURNING 1",
        id.as_bytes().to_vec(),
        milliseconds(lease)
    )
}

/// Reads all nodes in the order of their names; [`read_all`] reads the rows.
pub(crate) fn select_all<'p>() -> Statement<'p> {
    statement!(
        "SELECT id, name, renewals, applied, confirmed, lease_ms, promised_ms, last_change FROM nodes
         ORDER BY name COLLATE \"C\", id"
    )
}

/// Reads the rows of [`select_all`].
pub(crate) fn read_all(rows: &[Row]) -> Result<Vec<NodeRow>, QueryError> {
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<NodeRow, QueryError> {
    let mut columns = Columns::new(row);
    Ok(NodeRow {
        id: NodeId::from_bytes(columns.bytes()?),
        name: columns.text()?,
        renewals: columns.unsigned()?,
        applied: columns.position()?,
        confirmed: columns.position()?,
        lease: Duration::from_millis(columns.unsigned()?),
        promised: Duration::from_millis(columns.unsigned()?),
        last_change: columns.unsigned()?,
    })
}

/// Removes a node with what belongs to it, if its counter has this value.
pub(crate) fn remove<'p>(id: NodeId, renewals: u64) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        "WITH removed AS (DELETE FROM nodes WHERE id = $1 AND renewals = $2 RETURNING id),
              locks AS (DELETE FROM job_locks WHERE holder IN (SELECT id FROM removed))
         SELECT 1 FROM removed",
        id.as_bytes().to_vec(),
        unsigned(renewals)?
    ))
}

/// The longest lease of a node, and the longest that one has promised to a verifier; zero without nodes.
pub(crate) async fn longest_leases(connection: &Connection) -> Result<(Duration, Duration), QueryError> {
    let row = statement!("SELECT coalesce(max(lease_ms), 0), coalesce(max(promised_ms), 0) FROM nodes")
        .query_one(connection)
        .await?;
    let mut columns = Columns::new(&row);
    Ok((Duration::from_millis(columns.unsigned()?), Duration::from_millis(columns.unsigned()?)))
}

/// Removes all nodes.
pub(crate) async fn remove_all(connection: &Connection) -> Result<(), QueryError> {
    statement!("DELETE FROM nodes").query(connection).await.map(drop)
}

/// Removes the node of this process, and its job locks.
pub(crate) fn leave<'p>(id: NodeId) -> Statement<'p> {
    statement!(
        "WITH removed AS (DELETE FROM nodes WHERE id = $1) DELETE FROM job_locks WHERE holder = $1",
        id.as_bytes().to_vec()
    )
}

/// Deletes the changes that every node has applied, at most `limit`.
pub(crate) fn delete_applied_changes<'p>(limit: u32) -> Statement<'p> {
    statement!(
        "DELETE FROM node_changes WHERE number = ANY (ARRAY
             (SELECT number FROM node_changes
              WHERE number <= (SELECT coalesce(min(last_change), 9223372036854775807) FROM nodes)
              ORDER BY number LIMIT $1))
         RETURNING 1",
        i64::from(limit)
    )
}
