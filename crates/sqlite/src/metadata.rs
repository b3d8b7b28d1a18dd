//! Facts about the installation, by name, and the newest time that any record holds.

use rusqlite::{Connection, OptionalExtension, params};

use counterfoil_core::store::Change;
use counterfoil_jose::Time;

use crate::row::{Columns, time};

/// The fact with this name.
pub(crate) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Sets a fact.
pub(crate) fn set(connection: &Connection, name: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO facts (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![name, value])?;
    Ok(())
}

/// The newest time that any record holds or held.
pub(crate) fn newest_time(connection: &Connection) -> rusqlite::Result<Time> {
    connection
        .prepare_cached("SELECT at FROM newest_time WHERE one = 1")?
        .query_row([], |row| Columns::of(row).time())
}

/// Raises the newest time to `at`.
pub(crate) fn raise_newest_time(connection: &Connection, at: Time) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE newest_time SET at = max(at, ?1) WHERE one = 1")?
        .execute([time(at)])?;
    Ok(())
}

/// The newest time at which something happened according to this change. When something will end is no time
/// at which anything happened.
pub(crate) fn newest_time_in(change: &Change) -> Time {
    match change {
        Change::InsertSession(session) | Change::ReplaceSession(session) => {
            let ended = session.ended.map_or(Time::EPOCH, |ended| ended.at);
            session.authenticated_at.max(session.seen_at).max(ended)
        }
        Change::InsertUser(user) | Change::ReplaceUser(user) => {
            user.created_at.max(user.disabled_at.unwrap_or_default())
        }
        Change::InsertKey(key) | Change::ReplaceKey(key) => key.created_at.max(key.changed_at),
        Change::EndSession(_, ending)
        | Change::EndSessionsOf { ending, .. }
        | Change::EndOldestSessionsOf { ending, .. } => ending.ended.at,
        Change::AppendRevocation { at, .. } => *at,
        Change::Record(event) | Change::RecordSessionEnds(event) | Change::RemoveAdminKeysOf(_, event) => {
            event.at
        }
        Change::InsertAdminKey(key) => key.created_at,
        Change::MergeData { now, .. } => *now,
        Change::ExpectEpoch(..)
        | Change::ExpectClient(..)
        | Change::ExpectLive(..)
        | Change::ExpectAdminKey(_)
        | Change::RemoveUser(_)
        | Change::RefreshPosition(_)
        | Change::RefreshPositionsOf(_)
        | Change::RefreshCookiePositions
        | Change::StartRevocationLog { .. }
        | Change::RemoveAdminKey(_)
        | Change::InsertClient(_)
        | Change::ReplaceClient(_)
        | Change::SetCutoff(_)
        | Change::SetMetadata(..)
        | Change::SetCounter(..) => Time::EPOCH,
    }
}
