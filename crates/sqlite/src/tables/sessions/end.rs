//! Ending and deleting sessions.

use rusqlite::{Connection, ToSql, params};

use counterfoil_core::model::session::SessionEnd;
use counterfoil_core::store::{MAX_ENDED_PER_COMMIT, SessionsToEnd};
use counterfoil_verify::{RevocationPosition, SessionId, UserId};

use super::{active_at, not_below_a_cutoff};
use crate::tables::columns::{Unsigned, unix_ms};
use crate::tables::pending_session_ends;

/// Ends sessions, at most [`MAX_ENDED_PER_COMMIT`]; returns the ids of those that had not ended before. Their revisions rise, so that a writer
/// that read a session before cannot restore it.
pub(crate) fn end(
    connection: &Connection,
    sessions: SessionsToEnd,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    match sessions {
        SessionsToEnd::One(id) => Ok(Vec::from_iter(end_one(connection, id, ended)?.then_some(id))),
        SessionsToEnd::AllOf { user, except } => end_all_of_user(connection, user, except, ended),
        SessionsToEnd::Below { user, position } => end_all_below(connection, user, position, ended),
        SessionsToEnd::OldestOf { user, except, keep } => {
            end_oldest_of_user(connection, user, except, keep, ended)
        }
    }
}

/// Ends a session; `false` if it does not exist or has ended before.
fn end_one(connection: &Connection, id: SessionId, ended: SessionEnd) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?2, end_reason = ?3, revision = revision + 1
             WHERE id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![id.as_bytes(), unix_ms(ended.at), ended.reason.as_str()])?;
    Ok(changed == 1)
}

/// Ends the sessions of `user` that have not ended, except `except`; returns the ids of the ended sessions.
fn end_all_of_user(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3, end_reason = ?4, revision = revision + 1
             WHERE id IN (SELECT id FROM sessions INDEXED BY live_sessions_by_user
                          WHERE user_id = ?1 AND ended_at IS NULL AND id IS NOT ?2
                          ORDER BY authenticated_at, id LIMIT ?5)
             RETURNING id",
        )?
        .query_map(
            params![
                user.as_bytes(),
                except.as_ref().map(|id| id.as_bytes() as &dyn ToSql),
                unix_ms(ended.at),
                ended.reason.as_str(),
                MAX_ENDED_PER_COMMIT
            ],
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect()
}

/// Ends the sessions of `user` with a position below `position`, and deletes the pending end if none remains; returns the
/// ids of the ended sessions.
fn end_all_below(
    connection: &Connection,
    user: UserId,
    position: RevocationPosition,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    let ids: Vec<SessionId> = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3, end_reason = ?4, revision = revision + 1
             WHERE id IN (SELECT id FROM sessions INDEXED BY live_sessions_by_user
                          WHERE user_id = ?1 AND ended_at IS NULL AND position < ?2
                          ORDER BY authenticated_at, id LIMIT ?5)
             RETURNING id",
        )?
        .query_map(
            params![
                user.as_bytes(),
                Unsigned(position.number()),
                unix_ms(ended.at),
                ended.reason.as_str(),
                MAX_ENDED_PER_COMMIT
            ],
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect::<rusqlite::Result<_>>()?;
    if ids.len() < MAX_ENDED_PER_COMMIT as usize {
        pending_session_ends::delete(connection, user, position)?;
    }
    Ok(ids)
}

/// Ends the active sessions of `user`, except `except` and the `keep` newest of the others; returns the ids
/// of the ended sessions.
fn end_oldest_of_user(
    connection: &Connection,
    user: UserId,
    except: SessionId,
    keep: u32,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(concat!(
            "UPDATE sessions SET ended_at = ?4, end_reason = ?5, revision = revision + 1
             WHERE id IN (SELECT id FROM sessions INDEXED BY live_sessions_by_user
                          WHERE user_id = ?1 AND id <> ?2 AND ",
            active_at!("?4"),
            " AND ",
            not_below_a_cutoff!(),
            " ORDER BY authenticated_at DESC, id DESC LIMIT ?6 OFFSET ?3)
             RETURNING id",
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
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect()
}

/// Deletes sessions of `user` and their data, at most `limit`; returns the number of deleted sessions.
pub(crate) fn delete_of_user(connection: &Connection, user: UserId, limit: u32) -> rusqlite::Result<u32> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ?1 LIMIT ?2)",
        )?
        .execute(params![user.as_bytes(), limit])?;
    Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
}
