//! What is dropped in time: sessions long over, entries nobody needs, old lines of the journal, spent counters.

use std::time::Duration;

use rusqlite::{Connection, params};

use counterfoil_jose::Time;

use crate::row::time;

/// How long a session stays after its end.
///
/// An ended session is kept to recognise a spent token that is shown late, to say in the journal whose it
/// was, and so that nothing that read it before can bring it back. After a day all of that has been seen, or
/// the token answers as any unknown one does.
pub(crate) const KEPT_AFTER_THE_END: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a line of the journal stays.
const JOURNAL_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Drops what is over at `now`, at most `limit` rows; says how many.
///
/// Rows that were looked at and are not over yet are not counted, but they are as many as `limit` at most.
pub(crate) fn purge(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let mut left = limit;
    let mut dropped = 0;
    for drop in [drop_sessions, drop_entries, drop_events, drop_counters] {
        let count = drop(connection, now, left)?;
        dropped += count;
        left = left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(dropped)
}

/// Looks at the sessions that are due, and drops those whose true end lies long enough back.
fn drop_sessions(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let due: Vec<[u8; 16]> = connection
        .prepare_cached("SELECT id FROM sessions WHERE look_at <= ?1 ORDER BY look_at LIMIT ?2")?
        .query_map(params![time(now), limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut dropped = 0;
    for id in due {
        dropped += drop_session(connection, &id, now)?;
    }
    Ok(dropped)
}

/// Drops one session, or notes when to look at it again.
fn drop_session(connection: &Connection, id: &[u8; 16], now: Time) -> rusqlite::Result<u64> {
    let kept = i64::try_from(KEPT_AFTER_THE_END.as_millis()).unwrap_or(i64::MAX);
    let dropped = connection
        .prepare_cached(
            "DELETE FROM sessions
             WHERE id = ?1 AND coalesce(ended_at, min(expires_at, seen_at + idle)) <= ?2 - ?3",
        )?
        .execute(params![id, time(now), kept])?;
    if dropped == 0 {
        connection
            .prepare_cached(
                "UPDATE sessions SET look_at = coalesce(ended_at, min(expires_at, seen_at + idle)) + ?2
                 WHERE id = ?1",
            )?
            .execute(params![id, kept])?;
    }
    Ok(dropped as u64)
}

/// Entries whose last token has expired. What has no `until` is never forgotten.
fn drop_entries(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "DELETE FROM log WHERE position IN
                 (SELECT position FROM log WHERE until < ?1 ORDER BY until LIMIT ?2)",
        )?
        .execute(params![time(now), limit])
        .map(|count| count as u64)
}

/// Old lines of the journal. The newest always stays: the next number is one more than its own.
fn drop_events(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "DELETE FROM events WHERE number IN (SELECT number FROM events ORDER BY number LIMIT ?2)
               AND at < ?1 AND number < (SELECT max(number) FROM events)",
        )?
        .execute(params![time(now - JOURNAL_KEPT), limit])
        .map(|count| count as u64)
}

/// Counters whose window is over: the next who takes begins anew anyway.
fn drop_counters(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "DELETE FROM counters WHERE name IN
                 (SELECT name FROM counters WHERE until <= ?1 ORDER BY until LIMIT ?2)",
        )?
        .execute(params![time(now), limit])
        .map(|count| count as u64)
}
