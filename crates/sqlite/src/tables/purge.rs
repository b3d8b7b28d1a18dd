//! Purging: deletes sessions that ended long ago, expired revocations, expired counters, and old audit events.

use std::time::Duration;

use rusqlite::{Connection, params};

use counterfoil_core::store::{AuditRetention, PurgedEvents};
use counterfoil_jose::Time;

use super::columns::{milliseconds, unix_ms};

/// How long a session is kept after its end.
///
/// An ended session is kept to recognise a used refresh token that is presented late, to name the session's
/// user in the audit log, and to keep a writer that read the session before its end from restoring it. After
/// a day a used refresh token is answered like an unknown one.
pub(super) const ENDED_SESSION_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Deletes what has expired at `now`, at most `limit` rows; returns the number of deleted rows.
///
/// Sessions that were checked and have not expired are not counted, but at most `limit` sessions are checked.
pub(crate) fn purge(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let mut remaining = limit;
    let mut deleted = 0;
    for purge_table in [purge_sessions, purge_revocations, purge_counters] {
        let count = purge_table(connection, now, remaining)?;
        deleted += count;
        remaining = remaining.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(deleted)
}

/// Checks the sessions that are due, and deletes those that ended long enough ago.
fn purge_sessions(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let due: Vec<[u8; 16]> = connection
        .prepare_cached(
            "SELECT id FROM sessions WHERE purge_check_at <= ?1 ORDER BY purge_check_at LIMIT ?2",
        )?
        .query_map(params![unix_ms(now), limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut deleted = 0;
    for id in due {
        deleted += purge_session(connection, &id, now)?;
    }
    Ok(deleted)
}

/// Deletes one session, or sets the time of its next check.
fn purge_session(connection: &Connection, id: &[u8; 16], now: Time) -> rusqlite::Result<u64> {
    let retention = milliseconds(ENDED_SESSION_RETENTION);
    let deleted = connection
        .prepare_cached(
            "DELETE FROM sessions
             WHERE id = ?1 AND coalesce(ended_at, min(expires_at, last_seen_at + idle_timeout)) <= ?2 - ?3",
        )?
        .execute(params![id, unix_ms(now), retention])?;
    if deleted == 0 {
        connection
            .prepare_cached(
                "UPDATE sessions
                 SET purge_check_at = coalesce(ended_at, min(expires_at, last_seen_at + idle_timeout)) + ?2
                 WHERE id = ?1",
            )?
            .execute(params![id, retention])?;
    }
    Ok(deleted as u64)
}

/// Deletes revocations whose last token has expired. A revocation without an expiry time is kept for ever.
fn purge_revocations(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "DELETE FROM revocation_log WHERE position IN
                 (SELECT position FROM revocation_log WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![unix_ms(now), limit])
        .map(|count| count as u64)
}

/// Deletes old audit events and those above the limit, at most `limit` of each. The newest event always stays, because the
/// next number is derived from it.
pub(crate) fn purge_audit_log(
    connection: &Connection,
    retention: AuditRetention,
    now: Time,
    limit: u32,
) -> rusqlite::Result<PurgedEvents> {
    let expired = connection
        .prepare_cached(
            "DELETE FROM audit_events
             WHERE number IN (SELECT number FROM audit_events ORDER BY number LIMIT ?2)
               AND occurred_at < ?1 AND number < (SELECT max(number) FROM audit_events)",
        )?
        .execute(params![unix_ms(now - retention.max_age), limit])?;
    let above_limit = match retention.max_events {
        // Numbers are consecutive: an event gets the successor of the newest one, and only the oldest are deleted.
        Some(max) => connection
            .prepare_cached(
                "DELETE FROM audit_events
                 WHERE number IN (SELECT number FROM audit_events ORDER BY number LIMIT ?2)
                   AND number <= (SELECT max(number) FROM audit_events) - ?1",
            )?
            .execute(params![i64::try_from(max.get()).unwrap_or(i64::MAX), limit])?,
        None => 0,
    };
    Ok(PurgedEvents { expired: expired as u64, above_limit: above_limit as u64 })
}

/// Deletes counters whose window is over.
fn purge_counters(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "DELETE FROM counters WHERE key IN
                 (SELECT key FROM counters WHERE window_ends_at <= ?1 ORDER BY window_ends_at LIMIT ?2)",
        )?
        .execute(params![unix_ms(now), limit])
        .map(|count| count as u64)
}
