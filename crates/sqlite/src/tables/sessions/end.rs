//! Ending and deleting sessions.

use rusqlite::{Connection, ToSql, params};

use counterfoil_core::model::session::SessionEnd;
use counterfoil_core::store::SessionsToEnd;
use counterfoil_verify::{SessionId, UserId};

use super::{active_at, not_below_a_cutoff};
use crate::tables::columns::unix_ms;

/// Ends sessions; returns the ids of those that had not ended before. Their revisions rise, so that a writer
/// that read a session before cannot restore it.
pub(crate) fn end(
    connection: &Connection,
    sessions: SessionsToEnd,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    match sessions {
        SessionsToEnd::One(id) => Ok(Vec::from_iter(end_one(connection, id, ended)?.then_some(id))),
        SessionsToEnd::AllOf { user, except } => end_all_of_user(connection, user, except, ended),
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

/// Ends every session of `user` that has not ended, except `except`; returns the ids of the ended sessions.
fn end_all_of_user(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3, end_reason = ?4, revision = revision + 1
             WHERE user_id = ?1 AND ended_at IS NULL AND id IS NOT ?2
             RETURNING id",
        )?
        .query_map(
            params![
                user.as_bytes(),
                except.as_ref().map(|id| id.as_bytes() as &dyn ToSql),
                unix_ms(ended.at),
                ended.reason.as_str()
            ],
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect()
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
             WHERE id IN (SELECT id FROM sessions WHERE user_id = ?1 AND id <> ?2 AND ",
            active_at!("?4"),
            " AND ",
            not_below_a_cutoff!(),
            " ORDER BY authenticated_at DESC, id DESC LIMIT -1 OFFSET ?3)
             RETURNING id",
        ))?
        .query_map(
            params![user.as_bytes(), except.as_bytes(), keep, unix_ms(ended.at), ended.reason.as_str()],
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect()
}

/// Deletes every session of `user` and its data.
pub(crate) fn delete_all_of_user(connection: &Connection, user: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM sessions WHERE user_id = ?1")?.execute([user.as_bytes()])?;
    Ok(())
}
