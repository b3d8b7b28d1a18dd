//! The table `session_data`: one JSON object for a session, changed by merge patches (RFC 7396), until the session ends.

use serde_json::{Map, Value};
use tokio_postgres::Row;

use counterfoil_core::store::{SessionData, SessionDataPatch};
use counterfoil_verify::SessionId;

use super::columns::{Columns, unix_ms, unsigned};
use super::sessions::{active_at, user_exists};
use crate::error::QueryError;
use crate::statement::{Connection, Failure, Pipeline, Statement, statement};

/// The length in bytes up to which the limit for all sessions of a user does not apply.
const ALWAYS_ALLOWED: usize = 1024;

/// The data of `session`; `None` if none was ever stored.
pub(crate) async fn find(
    connection: &Connection,
    session: SessionId,
) -> Result<Option<SessionData>, QueryError> {
    let select = statement!(
        concat!(
            "SELECT members, revision FROM session_data WHERE session_id = $1 AND ",
            user_exists!("(SELECT user_id FROM sessions WHERE sessions.id = session_id)")
        ),
        session.as_bytes().as_slice()
    );
    select.query_opt(connection).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<SessionData, QueryError> {
    let mut columns = Columns::new(row);
    Ok(SessionData {
        members: columns.word(|text| serde_json::from_str(text).ok())?,
        revision: columns.unsigned()?,
    })
}

/// Merges a patch into the data (RFC 7396) and returns the result; `None` if the session is not active, the
/// data does not have the expected revision, or the result would be too large.
///
/// One connection writes, one transaction after the other, so the data cannot change between the read and the write.
/// The functions of `jsonb` would need only one statement, but `jsonb` holds no NUL and changes numbers.
pub(crate) async fn merge<'t>(
    pipeline: &mut Pipeline<'_, 't>,
    patch: &'t SessionDataPatch,
) -> Result<Option<SessionData>, Failure> {
    let rows = pipeline.query(select_of_active(patch)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let SessionData { mut members, revision } = read(row)?;
    if patch.expected_revision.is_some_and(|expected| expected != revision) {
        return Ok(None);
    }
    apply_patch(&mut members, &patch.patch);
    let text = serde_json::to_string(&members)
        .map_err(|_| QueryError::InvalidValue("the session data cannot be written"))?;
    if text.len() > patch.max_bytes {
        return Ok(None);
    }
    if text.len() > ALWAYS_ALLOWED
        && let Some(max) = patch.max_bytes_of_user
        && exceeds_limit_of_user(pipeline, patch.session, text.len() as u64, max.get()).await?
    {
        return Ok(None);
    }
    let merged = SessionData { members, revision: revision + 1 };
    pipeline.push_certain(statement!(
        "INSERT INTO session_data (session_id, members, revision) VALUES ($1, $2, $3)
         ON CONFLICT (session_id) DO UPDATE SET members = excluded.members, revision = excluded.revision",
        patch.session.as_bytes().as_slice(),
        text,
        unsigned(merged.revision)?
    ));
    Ok(Some(merged))
}

/// Deletes the data of `sessions`, if there is any.
pub(crate) fn delete<'p>(sessions: &[SessionId]) -> Statement<'p> {
    let ids: Vec<Vec<u8>> = sessions.iter().map(|id| id.as_bytes().to_vec()).collect();
    statement!("DELETE FROM session_data WHERE session_id = ANY ($1)", ids)
}

/// Whether data of this length, more than the session has now, is more than its user may store.
async fn exceeds_limit_of_user(
    pipeline: &mut Pipeline<'_, '_>,
    session: SessionId,
    length: u64,
    max: u64,
) -> Result<bool, Failure> {
    let select = statement!(
        "SELECT coalesce((SELECT octet_length(members)::bigint FROM session_data WHERE session_id = $1), 0),
                coalesce((SELECT sum(octet_length(d.members))
                          FROM sessions s JOIN session_data d ON d.session_id = s.id
                          WHERE s.user_id = (SELECT user_id FROM sessions WHERE id = $1) AND s.ended_at IS NULL
                            AND s.id <> $1), 0)::bigint",
        session.as_bytes().to_vec()
    );
    let rows = pipeline.query(select).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let mut columns = Columns::new(row);
    let (former, others) = (columns.unsigned()?, columns.unsigned()?);
    Ok(length > former && others.saturating_add(length) > max)
}

/// The data of a session that is active at the time of the patch: an empty object of revision 0 if none is stored.
fn select_of_active(patch: &SessionDataPatch) -> Statement<'_> {
    statement!(
        concat!(
            "SELECT coalesce(d.members, '{}'), coalesce(d.revision, 0)
             FROM sessions s LEFT JOIN session_data d ON d.session_id = s.id
             WHERE s.id = $1 AND ",
            active_at!("$2"),
            " AND ",
            user_exists!("s.user_id")
        ),
        patch.session.as_bytes().as_slice(),
        unix_ms(patch.now)
    )
}

/// Applies a patch that is an object (RFC 7396, section 2).
fn apply_patch(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let member = target.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if !member.is_object() {
                    *member = Value::Object(Map::new());
                }
                if let Value::Object(members) = member {
                    apply_patch(members, inner);
                }
            }
            other => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}
