//! The tables `status_lists` and `free_status_indexes`, and the indexes of sessions in the status lists.

use std::num::NonZeroU32;

use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{
    Scan, StatusIndexRequest, StatusListState, StatusRevocation, StatusRevocationPage,
};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId};

use super::columns::{Columns, Text, position, unix_ms, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Failure, Pipeline, Statement, statement};

/// The most sessions that one read of [`below`] visits.
const MAX_VISITED: u32 = 2_000;

/// The permutation key and the next index.
pub(crate) async fn state(connection: &Connection) -> Result<StatusListState, QueryError> {
    let row =
        statement!("SELECT permutation_key, next_index FROM status_lists").query_one(connection).await?;
    let mut columns = Columns::new(&row);
    Ok(StatusListState { permutation_key: Secret::new(columns.bytes()?), next_index: columns.unsigned()? })
}

/// The index of a session, which gets one if it has none: the one that was freed first, if that was long enough ago, else a
/// new one. `None` if the session does not exist, or if the index to replace is not its index.
pub(crate) async fn assign(
    pipeline: &mut Pipeline<'_, '_>,
    request: StatusIndexRequest,
) -> Result<Option<StatusIndex>, Failure> {
    let StatusIndexRequest { session, replaces, now, freed_before } = request;
    let id = session.as_bytes().to_vec();
    let rows =
        pipeline.query(statement!("SELECT status_index FROM sessions WHERE id = $1", id.clone())).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let stored = Columns::new(row).optional_unsigned()?.map(StatusIndex::new);
    match (stored, replaces) {
        (Some(index), None) => return Ok(Some(index)),
        (None, None) => {}
        (Some(index), Some(replaced)) if index == replaced => pipeline.push_certain(free(index, now)?),
        (_, Some(_)) => return Ok(None),
    }
    let index = match take(pipeline, take_free(freed_before)).await? {
        Some(index) => index,
        None => take(pipeline, take_next())
            .await?
            .ok_or(QueryError::InvalidValue("the state of the status lists is missing"))?,
    };
    pipeline.push_certain(statement!(
        "UPDATE sessions SET status_index = $2 WHERE id = $1",
        id,
        unsigned(index.number())?
    ));
    Ok(Some(index))
}

async fn take<'t>(
    pipeline: &mut Pipeline<'_, 't>,
    statement: Statement<'t>,
) -> Result<Option<StatusIndex>, Failure> {
    let rows = pipeline.query(statement).await?;
    let index = rows.first().map(|row| Columns::new(row).unsigned()).transpose()?;
    Ok(index.map(StatusIndex::new))
}

fn take_free<'p>(freed_before: Time) -> Statement<'p> {
    statement!(
        "DELETE FROM free_status_indexes WHERE (freed_at, status_index) =
             (SELECT freed_at, status_index FROM free_status_indexes
              WHERE freed_at < $1 ORDER BY freed_at, status_index LIMIT 1)
         RETURNING status_index",
        unix_ms(freed_before)
    )
}

fn take_next<'p>() -> Statement<'p> {
    statement!(
        "UPDATE status_lists SET next_index = next_index + 1 WHERE single_row RETURNING next_index - 1"
    )
}

/// Frees the index of a session that gets another one at `now`.
fn free<'p>(index: StatusIndex, now: Time) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        "INSERT INTO free_status_indexes (freed_at, status_index) VALUES ($1, $2)",
        unix_ms(now),
        unsigned(index.number())?
    ))
}

/// The first `limit` entries of the revocation log after `after`, with the indexes of the sessions that they ended, and the
/// head. One statement, so one snapshot.
pub(crate) async fn revocations_after(
    connection: &Connection,
    after: RevocationPosition,
    limit: NonZeroU32,
) -> Result<StatusRevocationPage, QueryError> {
    let select = statement!(
        "SELECT h.last_position, l.position, l.subject, l.status_index, l.expires_at
         FROM revocation_log_head h
         LEFT JOIN LATERAL (SELECT position, subject, status_index, expires_at FROM revocation_log
                            WHERE position > $1 ORDER BY position LIMIT $2) l ON true
         ORDER BY l.position",
        i64::try_from(after.number()).unwrap_or(i64::MAX),
        // One row more than the page has shows whether another page follows.
        i64::from(limit.get()) + 1
    );
    let mut page = StatusRevocationPage::default();
    for row in select.query(connection).await? {
        let mut columns = Columns::new(&row);
        page.head = columns.position()?;
        if page.entries.len() as u64 == u64::from(limit.get()) {
            page.next = page.entries.last().map(|entry| entry.position);
        } else if let Some(position) = columns.optional_unsigned()? {
            page.entries.push(StatusRevocation {
                position: RevocationPosition::new(position),
                subject: columns.parsed()?,
                status_index: columns.optional_unsigned()?.map(StatusIndex::new),
                until: columns.optional_time()?,
            });
        }
    }
    Ok(page)
}

/// The indexes of the sessions of `client`, or of all, with a position below `below`.
pub(crate) async fn below(
    connection: &Connection,
    client: Option<&ClientId>,
    below: RevocationPosition,
    after: Option<SessionId>,
) -> Result<Scan<StatusIndex, SessionId>, QueryError> {
    let select = statement!(
        "SELECT id, status_index, position < $2 AND ($3::text IS NULL OR client_id = $3) FROM sessions
         WHERE id > $1 ORDER BY id LIMIT $4",
        // Every id is above the empty one.
        after.map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
        position(below)?,
        client.map(|id| Text(id.as_str())),
        i64::from(MAX_VISITED)
    );
    let (mut found, mut visited) = (Scan { rows: Vec::new(), next: None }, 0);
    for row in select.query(connection).await? {
        let mut columns = Columns::new(&row);
        let id = SessionId::from_bytes(columns.bytes()?);
        let index = columns.optional_unsigned()?;
        let is_below: bool = columns.value()?;
        found.rows.extend(index.filter(|_| is_below).map(StatusIndex::new));
        visited += 1;
        if visited == MAX_VISITED {
            found.next = Some(id);
        }
    }
    Ok(found)
}
