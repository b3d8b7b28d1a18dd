//! The table `session_data`: one JSON object for a session, changed by merge patches (RFC 7396), until the session ends.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use counterfoil_core::store::{SessionData, SessionDataPatch};
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use super::columns::{Columns, Unsigned, unix_ms};
use super::sessions::{active_at, user_exists};

/// The length in bytes up to which the limit for all sessions of a user does not apply.
const ALWAYS_ALLOWED: usize = 1024;

/// The data of `session`; `None` if none was ever stored.
pub(crate) fn find(connection: &Connection, session: SessionId) -> rusqlite::Result<Option<SessionData>> {
    connection
        .prepare_cached(concat!(
            "SELECT members, revision FROM session_data WHERE session_id = ?1 AND ",
            user_exists!("(SELECT user_id FROM sessions WHERE sessions.id = session_id)")
        ))?
        .query_row([session.as_bytes()], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<SessionData> {
    let mut columns = Columns::new(row);
    Ok(SessionData {
        members: columns.text(|text| serde_json::from_str(text).ok())?,
        revision: columns.unsigned()?,
    })
}

/// Merges a patch into the data (RFC 7396) and returns the result; `None` if the session is not active, the
/// data does not have the expected revision, or the result would be too large.
///
/// Only the writer changes rows, one transaction at a time, so the data cannot change between the read and
/// the write. SQLite's function `json_patch` would need only one statement, but it takes the name `"\u0000"`
/// for the empty name, so it would change the wrong member.
pub(crate) fn merge(
    connection: &Connection,
    patch: &SessionDataPatch,
) -> rusqlite::Result<Option<SessionData>> {
    let Some(current) = find_of_active(connection, patch.session, patch.now)? else { return Ok(None) };
    if patch.expected_revision.is_some_and(|expected| expected != current.revision) {
        return Ok(None);
    }
    let SessionData { mut members, revision } = current;
    apply_patch(&mut members, &patch.patch);
    let text = serde_json::to_string(&members)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    if text.len() > patch.max_bytes {
        return Ok(None);
    }
    if text.len() > ALWAYS_ALLOWED
        && let Some(max) = patch.max_bytes_of_user
        && exceeds_limit_of_user(connection, patch.session, text.len() as u64, max.get())?
    {
        return Ok(None);
    }
    let merged = SessionData { members, revision: revision + 1 };
    connection
        .prepare_cached(
            "INSERT INTO session_data (session_id, members, revision) VALUES (?1, ?2, ?3)
             ON CONFLICT (session_id) DO UPDATE SET members = excluded.members, revision = excluded.revision",
        )?
        .execute(params![patch.session.as_bytes(), text, Unsigned(merged.revision)])?;
    Ok(Some(merged))
}

/// Deletes the data of `session`, if there is any.
pub(crate) fn delete(connection: &Connection, session: SessionId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM session_data WHERE session_id = ?1")?
        .execute([session.as_bytes()])?;
    Ok(())
}

/// Whether data of this length, more than the session has now, is more than its user may store.
fn exceeds_limit_of_user(
    connection: &Connection,
    session: SessionId,
    length: u64,
    max: u64,
) -> rusqlite::Result<bool> {
    let former: Option<u64> = connection
        .prepare_cached("SELECT octet_length(members) FROM session_data WHERE session_id = ?1")?
        .query_row([session.as_bytes()], |row| Columns::new(row).unsigned())
        .optional()?;
    if length <= former.unwrap_or_default() {
        return Ok(false);
    }
    let others: u64 = connection
        .prepare_cached(
            "SELECT coalesce(sum(octet_length(d.members)), 0)
             FROM sessions s INDEXED BY live_sessions_by_user JOIN session_data d ON d.session_id = s.id
             WHERE s.user_id = (SELECT user_id FROM sessions WHERE id = ?1) AND s.ended_at IS NULL AND s.id <> ?1",
        )?
        .query_row([session.as_bytes()], |row| Columns::new(row).unsigned())?;
    Ok(others.saturating_add(length) > max)
}

/// The data of a session that is active at `now`: an empty object of revision 0 if none is stored.
fn find_of_active(
    connection: &Connection,
    session: SessionId,
    now: Time,
) -> rusqlite::Result<Option<SessionData>> {
    connection
        .prepare_cached(concat!(
            "SELECT coalesce(d.members, '{}'), coalesce(d.revision, 0)
             FROM sessions s LEFT JOIN session_data d ON d.session_id = s.id
             WHERE s.id = ?1 AND ",
            active_at!("?2"),
            " AND ",
            user_exists!("s.user_id")
        ))?
        .query_row(params![session.as_bytes(), unix_ms(now)], read)
        .optional()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn invalid_data_is_an_error_for_its_own_session_only() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;").unwrap();
        let insert = |number: u8, members: &str, revision: i64| {
            let id = SessionId::from_bytes([number; 16]);
            let row = params![id.as_bytes(), members, revision];
            connection.execute("INSERT INTO session_data VALUES (?1, ?2, ?3)", row).unwrap();
            id
        };
        let good = insert(0, r#"{"cart":[1]}"#, 1);

        for (number, members, revision) in
            [(1, "[1]", 1), (2, "{", 1), (3, "", 1), (4, "null", 1), (5, "{}", -1)]
        {
            let damaged = insert(number, members, revision);
            assert!(find(&connection, damaged).is_err(), "{members:?} {revision}");
        }
        assert!(find(&connection, good).unwrap().is_some());
    }
}
