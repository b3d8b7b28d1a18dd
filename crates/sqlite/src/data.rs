//! Session data: one JSON object for a session, changed member by member.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use counterfoil_core::store::SessionData;
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::column::{Columns, Number, time};

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
/// One statement judges and changes, so that no patch is made against data that another patch has replaced.
pub(crate) fn merge(connection: &Connection, merge: &Merge<'_>) -> rusqlite::Result<Option<SessionData>> {
    let patch = serde_json::to_string(merge.patch)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    connection
        .prepare_cached(
            "WITH merged AS (
                 SELECT json_patch(coalesce(d.members, '{}'), ?2) AS members,
                        coalesce(d.revision, 0) AS revision
                 FROM sessions s LEFT JOIN session_data d ON d.session = s.id
                 WHERE s.id = ?1 AND s.ended_at IS NULL AND s.expires_at > ?5 AND s.seen_at + s.idle > ?5
             )
             INSERT INTO session_data (session, members, revision)
             SELECT ?1, members, revision + 1 FROM merged
             WHERE (?3 IS NULL OR revision = ?3) AND octet_length(members) <= ?4
             ON CONFLICT (session) DO UPDATE SET members = excluded.members, revision = excluded.revision
             RETURNING members, revision",
        )?
        .query_row(
            params![
                merge.session.as_bytes(),
                patch,
                merge.expected.map(Number),
                i64::try_from(merge.limit).unwrap_or(i64::MAX),
                time(merge.now),
            ],
            read,
        )
        .optional()
}
