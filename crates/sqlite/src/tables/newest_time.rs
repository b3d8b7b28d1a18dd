//! The table `newest_time`: the newest time in any record, below which the clock never starts.

use rusqlite::Connection;

use counterfoil_core::store::Change;
use counterfoil_jose::Time;

use super::columns::{Columns, unix_ms};

/// The newest time in any record, past or present.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Time> {
    connection
        .prepare_cached("SELECT newest_at FROM newest_time WHERE single_row = 1")?
        .query_row([], |row| Columns::new(row).time())
}

/// Raises the newest time to `at`.
pub(crate) fn raise(connection: &Connection, at: Time) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE newest_time SET newest_at = max(newest_at, ?1) WHERE single_row = 1")?
        .execute([unix_ms(at)])?;
    Ok(())
}

/// The newest time at which something happened according to `change`. Times in the future, such as expiry
/// times, do not count.
pub(crate) fn in_change(change: &Change) -> Time {
    match change {
        Change::InsertSession(session) | Change::ReplaceSession(session) => {
            let ended_at = session.ended.map_or(Time::EPOCH, |ended| ended.at);
            session.authenticated_at.max(session.seen_at).max(ended_at)
        }
        Change::InsertUser(user) | Change::ReplaceUser(user) => {
            user.created_at.max(user.disabled_at.unwrap_or_default())
        }
        Change::InsertKey(key) | Change::ReplaceKey(key) => key.created_at.max(key.changed_at),
        Change::EndSession(_, ending)
        | Change::EndSessionsOf { ending, .. }
        | Change::EndOldestSessionsOf { ending, .. } => ending.end.at,
        Change::AppendRevocation { at, .. } => *at,
        Change::RecordEvent(event)
        | Change::RecordSessionEnds(event)
        | Change::RemoveAdminKeysOf(_, event) => event.at,
        Change::InsertAdminKey(key) => key.created_at,
        Change::MergeData { now, .. } => *now,
        Change::ExpectEpoch(..)
        | Change::ExpectClient(..)
        | Change::ExpectActive(..)
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
