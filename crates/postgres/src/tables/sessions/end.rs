//! Ending and deleting sessions.

use tokio_postgres::Row;

use counterfoil_core::model::session::SessionEnd;
use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{EndedSession, MAX_ENDED_PER_COMMIT, SessionsToEnd};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId, UserId};

use super::{active_at, not_below_a_cutoff};
use crate::error::QueryError;
use crate::statement::{Statement, statement};
use crate::tables::columns::{Columns, position, unix_ms};

/// Ends sessions, at most [`MAX_ENDED_PER_COMMIT`]; [`read_ended`] reads those that had not ended before. Their
/// revisions rise, so that a writer that read a session before cannot restore it.
pub(crate) fn end<'p>(sessions: SessionsToEnd, ended: SessionEnd) -> Result<Statement<'p>, QueryError> {
    let (at, reason) = (unix_ms(ended.at), ended.reason.as_str());
    let limit = i64::from(MAX_ENDED_PER_COMMIT);
    Ok(match sessions {
        SessionsToEnd::One(id) => statement!(
            "UPDATE sessions SET ended_at = $2, end_reason = $3, revision = revision + 1
             WHERE id = $1 AND ended_at IS NULL RETURNING id, status_index, user_id, client_id",
            id.as_bytes().to_vec(),
            at,
            reason
        ),
        SessionsToEnd::AllOf { user, except } => statement!(
            "UPDATE sessions SET ended_at = $3, end_reason = $4, revision = revision + 1
             WHERE id = ANY (ARRAY(SELECT id FROM sessions
                                   WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2
                                   ORDER BY authenticated_at, id LIMIT $5))
             RETURNING id, status_index, user_id, client_id",
            user.as_bytes().to_vec(),
            except.map(|id| id.as_bytes().to_vec()),
            at,
            reason,
            limit
        ),
        SessionsToEnd::Below { user, position: below } => statement!(
            "UPDATE sessions SET ended_at = $3, end_reason = $4, revision = revision + 1
             WHERE id = ANY (ARRAY(SELECT id FROM sessions
                                   WHERE user_id = $1 AND ended_at IS NULL AND position < $2
                                   ORDER BY authenticated_at, id LIMIT $5))
             RETURNING id, status_index, user_id, client_id",
            user.as_bytes().to_vec(),
            position(below)?,
            at,
            reason,
            limit
        ),
        // All but the newest ones.
        SessionsToEnd::OldestOf { user, except, keep } => statement!(
            concat!(
                "UPDATE sessions SET ended_at = $4, end_reason = $5, revision = revision + 1
                 WHERE id = ANY (ARRAY(SELECT id FROM sessions
                              WHERE user_id = $1 AND id <> $2 AND ",
                active_at!("$4"),
                " AND ",
                not_below_a_cutoff!(),
                " ORDER BY authenticated_at DESC, id DESC LIMIT $6 OFFSET $3))
                 RETURNING id, status_index, user_id, client_id",
            ),
            user.as_bytes().to_vec(),
            except.as_bytes().to_vec(),
            i64::from(keep),
            at,
            reason,
            limit
        ),
    })
}

/// A session that [`end`] has ended, with its user and its client, for the audit event.
pub(crate) struct EndedRow {
    pub(crate) session: EndedSession,
    pub(crate) user: UserId,
    pub(crate) client: ClientId,
}

/// The sessions that [`end`] returns.
pub(crate) fn read_ended(rows: &[Row]) -> Result<Vec<EndedRow>, QueryError> {
    let read = |row| {
        let mut columns = Columns::new(row);
        Ok(EndedRow {
            session: EndedSession {
                id: SessionId::from_bytes(columns.bytes()?),
                status_index: columns.optional_unsigned()?.map(StatusIndex::new),
            },
            user: UserId::from_bytes(columns.bytes()?),
            client: columns.parsed()?,
        })
    };
    rows.iter().map(read).collect()
}

/// Deletes sessions of `user` and their data, at most `limit`, and frees their indexes in the status lists; returns a row
/// with their number.
pub(crate) fn delete_of_user<'p>(user: UserId, now: Time, limit: u32) -> Statement<'p> {
    statement!(
        "WITH deleted AS (
             DELETE FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM sessions WHERE user_id = $1 LIMIT $2))
             RETURNING status_index
         ), freed AS (
             INSERT INTO free_status_indexes (freed_at, status_index)
             SELECT $3, status_index FROM deleted WHERE status_index IS NOT NULL
         )
         SELECT count(*) FROM deleted",
        user.as_bytes().to_vec(),
        i64::from(limit),
        unix_ms(now)
    )
}
