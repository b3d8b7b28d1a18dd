//! The tables `status_lists` and `free_status_indexes`, and the indexes of sessions in the status lists.

use std::num::NonZeroU32;

use rusqlite::{Connection, OptionalExtension, params};

use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{
    Scan, StatusIndexRequest, StatusListState, StatusRevocation, StatusRevocationPage,
};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId};

use super::columns::{Columns, Unsigned, unix_ms};

/// The most sessions that one read of [`below`] visits.
const MAX_VISITED: u32 = 2_000;

/// The permutation key and the next index.
pub(crate) fn state(connection: &Connection) -> rusqlite::Result<StatusListState> {
    connection
        .prepare_cached("SELECT permutation_key, next_index FROM status_lists WHERE single_row = 1")?
        .query_row([], |row| {
            let mut columns = Columns::new(row);
            Ok(StatusListState {
                permutation_key: Secret::new(columns.bytes()?),
                next_index: columns.unsigned()?,
            })
        })
}

/// The index of a session, which gets one if it has none: the one that was freed first, if that was long enough ago, else a
/// new one. `None` if the session does not exist, or if the index to replace is not its index.
pub(crate) fn assign(
    connection: &Connection,
    request: &StatusIndexRequest,
) -> rusqlite::Result<Option<StatusIndex>> {
    let StatusIndexRequest { session, replaces, now, freed_before } = *request;
    let stored: Option<Option<u64>> = connection
        .prepare_cached("SELECT status_index FROM sessions WHERE id = ?1")?
        .query_row([session.as_bytes()], |row| Columns::new(row).optional_unsigned())
        .optional()?;
    match (stored.map(|index| index.map(StatusIndex::new)), replaces) {
        (Some(Some(index)), None) => return Ok(Some(index)),
        (Some(None), None) => {}
        (Some(Some(index)), Some(replaced)) if index == replaced => free(connection, index, now)?,
        (None, _) | (Some(_), Some(_)) => return Ok(None),
    }
    let index = match take_free(connection, freed_before)? {
        Some(index) => index,
        None => take_next(connection)?,
    };
    connection
        .prepare_cached("UPDATE sessions SET status_index = ?2 WHERE id = ?1")?
        .execute(params![session.as_bytes(), Unsigned(index)])?;
    Ok(Some(StatusIndex::new(index)))
}

fn take_free(connection: &Connection, freed_before: Time) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached(
            "DELETE FROM free_status_indexes WHERE (freed_at, status_index) =
                 (SELECT freed_at, status_index FROM free_status_indexes
                  WHERE freed_at < ?1 ORDER BY freed_at, status_index LIMIT 1)
             RETURNING status_index",
        )?
        .query_row([unix_ms(freed_before)], |row| Columns::new(row).unsigned())
        .optional()
}

fn take_next(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "UPDATE status_lists SET next_index = next_index + 1 WHERE single_row = 1 RETURNING next_index - 1",
        )?
        .query_row([], |row| Columns::new(row).unsigned())
}

/// Frees the index of a session whose row was deleted at `now`.
pub(crate) fn free(connection: &Connection, index: StatusIndex, now: Time) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO free_status_indexes (freed_at, status_index) VALUES (?1, ?2)")?
        .execute(params![unix_ms(now), Unsigned(index.number())])?;
    Ok(())
}

/// The first `limit` entries of the revocation log after `after`, with the indexes of the sessions that they ended, and the
/// head. One statement, so one snapshot.
pub(crate) fn revocations_after(
    connection: &Connection,
    after: RevocationPosition,
    limit: NonZeroU32,
) -> rusqlite::Result<StatusRevocationPage> {
    let mut page = StatusRevocationPage::default();
    let mut statement = connection.prepare_cached(
        "SELECT h.last_position, l.position, l.subject, l.status_index, l.expires_at
         FROM revocation_log_head h LEFT JOIN revocation_log l ON l.position > ?1
         WHERE h.single_row = 1
         ORDER BY l.position LIMIT ?2",
    )?;
    let after = i64::try_from(after.number()).unwrap_or(i64::MAX);
    // One row more than the page has shows whether another page follows.
    let mut rows = statement.query([after, i64::from(limit.get()) + 1])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::new(row);
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
pub(crate) fn below(
    connection: &Connection,
    client: Option<&ClientId>,
    below: RevocationPosition,
    after: Option<SessionId>,
) -> rusqlite::Result<Scan<StatusIndex, SessionId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, status_index, position < ?2 AND (?3 IS NULL OR client_id = ?3) FROM sessions
         WHERE id > ?1 ORDER BY id LIMIT ?4",
    )?;
    let mut rows = statement.query(params![
        // Every id is above the empty one.
        after.as_ref().map_or(&[][..], |id| &id.as_bytes()[..]),
        Unsigned(below.number()),
        client.map(ClientId::as_str),
        MAX_VISITED
    ])?;
    let (mut found, mut visited) = (Scan { rows: Vec::new(), next: None }, 0);
    while let Some(row) = rows.next()? {
        let mut columns = Columns::new(row);
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
