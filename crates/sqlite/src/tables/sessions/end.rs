//! Ending and deleting sessions.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use counterfoil_core::model::session::SessionEnd;
use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{EndedSession, MAX_ENDED_PER_COMMIT, SessionsToEnd};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, SessionId, UserId};

use super::{active_at, not_below_a_cutoff};
use crate::tables::columns::{Columns, Unsigned, unix_ms};
use crate::tables::{pending_session_ends, status_indexes};

/// Ends sessions, at most [`MAX_ENDED_PER_COMMIT`]; returns those that had not ended before. Their revisions rise, so that a writer
/// that read a session before cannot restore it.
pub(crate) fn end(
    connection: &Connection,
    sessions: SessionsToEnd,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<EndedSession>> {
    match sessions {
        SessionsToEnd::One(id) => Ok(Vec::from_iter(end_one(connection, id, ended)?)),
        SessionsToEnd::AllOf { user, except } => end_all_of_user(connection, user, except, ended),
        SessionsToEnd::Below { user, position } => end_all_below(connection, user, position, ended),
        SessionsToEnd::OldestOf { user, except, keep } => {
            end_oldest_of_user(connection, user, except, keep, ended)
        }
    }
}

/// Ends a session; `None` if it does not exist or has ended before.
fn end_one(
    connection: &Connection,
    id: SessionId,
    ended: SessionEnd,
) -> rusqlite::Result<Option<EndedSession>> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?2, end_reason = ?3, revision = revision + 1
             WHERE id = ?1 AND ended_at IS NULL
             RETURNING id, status_index",
        )?
        .query_row(params![id.as_bytes(), unix_ms(ended.at), ended.reason.as_str()], read_ended)
        .optional()
}

/// The row of an ended session.
fn read_ended(row: &Row<'_>) -> rusqlite::Result<EndedSession> {
    let mut columns = Columns::new(row);
    Ok(EndedSession {
        id: SessionId::from_bytes(columns.bytes()?),
        status_index: columns.optional_unsigned()?.map(StatusIndex::new),
    })
}

/// Ends the sessions of `user` that have not ended, except `except`; returns the ended sessions.
fn end_all_of_user(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<EndedSession>> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3, end_reason = ?4, revision = revision + 1
             WHERE id IN (SELECT id FROM sessions INDEXED BY live_sessions_by_user
                          WHERE user_id = ?1 AND ended_at IS NULL AND id IS NOT ?2
                          ORDER BY authenticated_at, id LIMIT ?5)
             RETURNING id, status_index",
        )?
        .query_map(
            params![
                user.as_bytes(),
                except.as_ref().map(|id| id.as_bytes() as &dyn ToSql),
                unix_ms(ended.at),
                ended.reason.as_str(),
                MAX_ENDED_PER_COMMIT
            ],
            read_ended,
        )?
        .collect()
}

/// Ends the sessions of `user` with a position below `position`, and deletes the pending end if none remains; returns the
/// ended sessions.
fn end_all_below(
    connection: &Connection,
    user: UserId,
    position: RevocationPosition,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<EndedSession>> {
    let ended: Vec<EndedSession> = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3, end_reason = ?4, revision = revision + 1
             WHERE id IN (SELECT id FROM sessions INDEXED BY live_sessions_by_user
                          WHERE user_id = ?1 AND ended_at IS NULL AND position < ?2
                          ORDER BY authenticated_at, id LIMIT ?5)
             RETURNING id, status_index",
        )?
        .query_map(
            params![
                user.as_bytes(),
                Unsigned(position.number()),
                unix_ms(ended.at),
                ended.reason.as_str(),
                MAX_ENDED_PER_COMMIT
            ],
            read_ended,
        )?
        .collect::<rusqlite::Result<_>>()?;
    if ended.len() < MAX_ENDED_PER_COMMIT as usize {
        pending_session_ends::delete(connection, user, position)?;
    }
    Ok(ended)
}

/// Ends the active sessions of `user`, except `except` and the `keep` newest of the others; returns the
/// ended sessions.
fn end_oldest_of_user(
    connection: &Connection,
    user: UserId,
    except: SessionId,
    keep: u32,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<EndedSession>> {
    connection
        .prepare_cached(concat!(
            "UPDATE sessions SET ended_at = ?4, end_reason = ?5, revision = revision + 1
             WHERE id IN (SELECT id FROM sessions INDEXED BY live_sessions_by_user
                          WHERE user_id = ?1 AND id <> ?2 AND ",
            active_at!("?4"),
            " AND ",
            not_below_a_cutoff!(),
            " ORDER BY authenticated_at DESC, id DESC LIMIT ?6 OFFSET ?3)
             RETURNING id, status_index",
        ))?
        .query_map(
            params![
                user.as_bytes(),
                except.as_bytes(),
                keep,
                unix_ms(ended.at),
                ended.reason.as_str(),
                MAX_ENDED_PER_COMMIT
            ],
            read_ended,
        )?
        .collect()
}

/// Deletes sessions of `user` and their data, at most `limit`, and frees their indexes in the status lists; returns the
/// number of deleted sessions.
pub(crate) fn delete_of_user(
    connection: &Connection,
    user: UserId,
    now: Time,
    limit: u32,
) -> rusqlite::Result<u32> {
    let deleted: Vec<Option<u64>> = connection
        .prepare_cached(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ?1 LIMIT ?2)
             RETURNING status_index",
        )?
        .query_map(params![user.as_bytes(), limit], |row| Columns::new(row).optional_unsigned())?
        .collect::<rusqlite::Result<_>>()?;
    for index in deleted.iter().flatten() {
        status_indexes::free(connection, StatusIndex::new(*index), now)?;
    }
    Ok(u32::try_from(deleted.len()).unwrap_or(u32::MAX))
}
