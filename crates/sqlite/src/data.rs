//! Session data: one JSON object for a session, changed member by member.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use counterfoil_core::store::SessionData;
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::row::{Columns, Number, time};

/// The data of `session`, if any was ever kept.
pub(crate) fn find(connection: &Connection, session: SessionId) -> rusqlite::Result<Option<SessionData>> {
    connection
        .prepare_cached("SELECT members, revision FROM session_data WHERE session = ?1")?
        .query_row([session.as_bytes()], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<SessionData> {
    let mut columns = Columns::of(row);
    Ok(SessionData {
        members: columns.word(|text| serde_json::from_str(text).ok())?,
        revision: columns.number()?,
    })
}

/// A patch to the data of a session, and what is expected of both.
pub(crate) struct Merge<'m> {
    pub(crate) session: SessionId,
    pub(crate) patch: &'m Map<String, Value>,
    pub(crate) expected: Option<u64>,
    pub(crate) limit: usize,
    pub(crate) now: Time,
}

/// Merges a patch into the data (RFC 7396) and tells what became of it; nothing if the session is not live,
/// the data is not of the expected revision, or it would become too large.
///
/// Only the writer changes anything, one transaction at a time, so nothing comes between the reading and the
/// writing. SQLite has a function that would do it in one statement, `json_patch`, but it takes the name
/// `"\u0000"` for the empty name, and one member for another is not what anybody wants to find in a session.
pub(crate) fn merge(connection: &Connection, merge: &Merge<'_>) -> rusqlite::Result<Option<SessionData>> {
    let Some(seen) = find_live(connection, merge.session, merge.now)? else { return Ok(None) };
    if merge.expected.is_some_and(|expected| expected != seen.revision) {
        return Ok(None);
    }
    let SessionData { mut members, revision } = seen;
    apply_patch(&mut members, merge.patch);
    let text = serde_json::to_string(&members)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    if text.len() > merge.limit {
        return Ok(None);
    }
    let merged = SessionData { members, revision: revision + 1 };
    connection
        .prepare_cached(
            "INSERT INTO session_data (session, members, revision) VALUES (?1, ?2, ?3)
             ON CONFLICT (session) DO UPDATE SET members = excluded.members, revision = excluded.revision",
        )?
        .execute(params![merge.session.as_bytes(), text, Number(merged.revision)])?;
    Ok(Some(merged))
}

/// The data of a session that is live at `now`: an empty object of revision 0 if none was kept yet.
fn find_live(
    connection: &Connection,
    session: SessionId,
    now: Time,
) -> rusqlite::Result<Option<SessionData>> {
    connection
        .prepare_cached(
            "SELECT coalesce(d.members, '{}'), coalesce(d.revision, 0)
             FROM sessions s LEFT JOIN session_data d ON d.session = s.id
             WHERE s.id = ?1 AND s.ended_at IS NULL AND s.expires_at > ?2 AND s.seen_at + s.idle > ?2",
        )?
        .query_row(params![session.as_bytes(), time(now)], read)
        .optional()
}

/// RFC 7396, section 2, for a patch that is an object.
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

    /// As a version that kept them otherwise, or a hand, might have left them.
    #[test]
    fn data_of_an_unknown_form_is_an_error_and_nobody_elses_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;").unwrap();
        let put = |number: u8, members: &str, revision: i64| {
            let id = SessionId::from_bytes([number; 16]);
            let row = params![id.as_bytes(), members, revision];
            connection.execute("INSERT INTO session_data VALUES (?1, ?2, ?3)", row).unwrap();
            id
        };
        let good = put(0, r#"{"cart":[1]}"#, 1);

        for (number, members, revision) in
            [(1, "[1]", 1), (2, "{", 1), (3, "", 1), (4, "null", 1), (5, "{}", -1)]
        {
            let damaged = put(number, members, revision);
            assert!(find(&connection, damaged).is_err(), "{members:?} {revision}");
        }
        assert!(find(&connection, good).unwrap().is_some());
    }
}
