//! Setting the revocation log position of sessions that are neither ended nor revoked by a cutoff.

use rusqlite::{Connection, Params, params};

use counterfoil_core::store::SessionsToRefresh;
use counterfoil_verify::{RevocationPosition, SessionId, UserId};

use super::not_below_a_cutoff;
use crate::tables::columns::Unsigned;

/// The sessions that have neither been ended nor been revoked by a cutoff. Of all cookie sessions none are returned:
/// [`refresh_cookies`] selects them.
pub(crate) fn refreshable(
    connection: &Connection,
    sessions: SessionsToRefresh,
) -> rusqlite::Result<Vec<SessionId>> {
    match sessions {
        SessionsToRefresh::One(id) => Ok(Vec::from_iter(is_refreshable(connection, id)?.then_some(id))),
        SessionsToRefresh::AllOf(user) => refreshable_of_user(connection, user),
        SessionsToRefresh::Cookies => Ok(Vec::new()),
    }
}

/// Whether the session has neither been ended nor been revoked by a cutoff.
pub(crate) fn is_refreshable(connection: &Connection, id: SessionId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(concat!(
            "SELECT 1 FROM sessions WHERE id = ?1 AND ended_at IS NULL AND ",
            not_below_a_cutoff!()
        ))?
        .exists([id.as_bytes()])
}

/// The sessions of `user` that have neither been ended nor been revoked by a cutoff.
fn refreshable_of_user(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<SessionId>> {
    let sql = concat!(
        "SELECT id FROM sessions INDEXED BY live_sessions_by_user WHERE user_id = ?1 AND ended_at IS NULL AND ",
        not_below_a_cutoff!()
    );
    ids(connection, sql, [user.as_bytes()])
}

fn ids(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<SessionId>> {
    connection.prepare_cached(sql)?.query_map(params, |row| row.get(0).map(SessionId::from_bytes))?.collect()
}

/// Sets the position of a session that has not ended. Its revision rises, so that a writer that read the
/// session before cannot restore the old position.
pub(crate) fn set_position(
    connection: &Connection,
    id: SessionId,
    position: RevocationPosition,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE sessions SET position = ?2, revision = revision + 1 WHERE id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![id.as_bytes(), Unsigned(position.number())])?;
    Ok(())
}

/// Sets the position of every cookie session that has neither been ended nor been revoked by a cutoff, if it is lower.
/// Their ids are not read.
pub(crate) fn refresh_cookies(connection: &Connection, to: RevocationPosition) -> rusqlite::Result<()> {
    connection
        .prepare_cached(concat!(
            "UPDATE sessions SET position = ?1, revision = revision + 1
             WHERE credential = 'cookie' AND ended_at IS NULL AND position < ?1 AND ",
            not_below_a_cutoff!()
        ))?
        .execute([Unsigned(to.number())])?;
    Ok(())
}
