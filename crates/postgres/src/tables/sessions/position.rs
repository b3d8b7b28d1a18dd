//! Setting the revocation log position of sessions that are neither ended nor revoked by a cutoff.

use tokio_postgres::Row;

use counterfoil_core::store::SessionsToRefresh;
use counterfoil_verify::{RevocationPosition, SessionId};

use super::not_below_a_cutoff;
use crate::error::QueryError;
use crate::statement::{Statement, statement};
use crate::tables::columns::{Columns, position};

/// Selects the sessions that have neither been ended nor been revoked by a cutoff; [`read_ids`] reads their ids. `None` for
/// all cookie sessions, which [`refresh_cookies`] selects.
pub(crate) fn select_refreshable<'p>(sessions: SessionsToRefresh) -> Option<Statement<'p>> {
    Some(match sessions {
        SessionsToRefresh::One(id) => statement!(
            concat!("SELECT id FROM sessions WHERE id = $1 AND ended_at IS NULL AND ", not_below_a_cutoff!()),
            id.as_bytes().to_vec()
        ),
        SessionsToRefresh::AllOf(user) => statement!(
            concat!(
                "SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND ",
                not_below_a_cutoff!()
            ),
            user.as_bytes().to_vec()
        ),
        SessionsToRefresh::Cookies => return None,
    })
}

/// The ids that [`select_refreshable`] returns.
pub(crate) fn read_ids(rows: &[Row]) -> Result<Vec<SessionId>, QueryError> {
    rows.iter().map(|row| Columns::new(row).bytes().map(SessionId::from_bytes)).collect()
}

/// Sets the position of sessions that have not ended. Their revisions rise, so that a writer that read a
/// session before cannot restore the old position.
pub(crate) fn set_position<'p>(
    sessions: &[SessionId],
    to: RevocationPosition,
) -> Result<Statement<'p>, QueryError> {
    let ids: Vec<Vec<u8>> = sessions.iter().map(|id| id.as_bytes().to_vec()).collect();
    Ok(statement!(
        "UPDATE sessions SET position = $2, revision = revision + 1 WHERE id = ANY ($1) AND ended_at IS NULL",
        ids,
        position(to)?
    ))
}

/// The sessions of all kinds in one portion of [`refresh_cookies`], so that no statement takes long.
macro_rules! portion {
    () => {
        "1000"
    };
}

/// An id that no session is above.
pub(crate) const LAST_ID: [u8; 16] = [u8::MAX; 16];

/// Selects the last session of the portion after `after`; no row if the portion is not full. [`read_ids`] reads it.
pub(crate) fn select_portion_end<'p>(after: &[u8]) -> Statement<'p> {
    statement!(
        concat!("SELECT id FROM sessions WHERE id > $1 ORDER BY id OFFSET ", portion!(), " - 1 LIMIT 1"),
        after.to_vec()
    )
}

/// Sets the position of the cookie sessions after `after` up to `last` that have neither been ended nor been revoked by a
/// cutoff, if it is lower.
pub(crate) fn refresh_cookies<'p>(
    after: &[u8],
    last: &[u8],
    to: RevocationPosition,
) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        concat!(
            "UPDATE sessions SET position = $3, revision = revision + 1
             WHERE id > $1 AND id <= $2 AND credential = 'cookie' AND ended_at IS NULL AND position < $3 AND ",
            not_below_a_cutoff!()
        ),
        after.to_vec(),
        last.to_vec(),
        position(to)?
    ))
}

/// Sets the position of a session, if it has neither been ended nor been revoked by a cutoff.
pub(crate) fn set_position_if_refreshable<'p>(
    session: SessionId,
    to: RevocationPosition,
) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        concat!(
            "UPDATE sessions SET position = $2, revision = revision + 1 WHERE id = $1 AND ended_at IS NULL AND ",
            not_below_a_cutoff!()
        ),
        session.as_bytes().to_vec(),
        position(to)?
    ))
}
