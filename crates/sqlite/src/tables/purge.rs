//! Purging: deletes sessions that ended long ago, removed users, expired revocations, expired counters, and old audit
//! events.

use std::time::Duration;

use rusqlite::{Connection, params};

use counterfoil_core::store::{AuditRetention, PurgedEvents};
use counterfoil_jose::Time;

use super::columns::{milliseconds, unix_ms};
use super::sessions::end::delete_of_user;
use super::users;

/// How long a session is kept after it was ended.
///
/// An ended session is kept to recognise a used refresh token that is presented late, to name the session's
/// user in the audit log, and to keep a writer that read the session before its end from restoring it. After
/// a day a used refresh token is answered like an unknown one.
pub(super) const ENDED_SESSION_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a session is kept after it has expired by itself.
///
/// It is longer than the leeway of verifiers and the delay with which uses are written. It is short, because expired
/// sessions are visited with the live ones, and a client with short lifetimes makes many of them.
pub(super) const EXPIRED_SESSION_RETENTION: Duration = Duration::from_secs(10 * 60);

/// Deletes what has expired at `now`, at most `limit` rows; returns the number of deleted rows, and of sessions that were
/// checked and have not expired.
pub(crate) fn purge(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let mut remaining = limit;
    let mut deleted = 0;
    for purge_table in [purge_sessions, purge_removed_user, purge_revocations, purge_counters] {
        let count = purge_table(connection, now, remaining)?;
        deleted += count;
        remaining = remaining.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(deleted)
}

/// The SQL of the time from which on a session is purged, by the retentions `?2` and `?3` of ended and expired ones.
macro_rules! purge_time {
    () => {
        "coalesce(ended_at + ?2, min(expires_at, last_seen_at + idle_timeout) + ?3)"
    };
}

/// Checks the sessions that are due, and deletes those that ended long enough ago.
fn purge_sessions(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let due: Vec<[u8; 16]> = connection
        .prepare_cached(
            "SELECT id FROM sessions WHERE purge_check_at <= ?1 ORDER BY purge_check_at LIMIT ?2",
        )?
        .query_map(params![unix_ms(now), limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &due {
        purge_session(connection, id, now)?;
    }
    Ok(due.len() as u64)
}

/// Deletes one session, or sets the time of its next check.
fn purge_session(connection: &Connection, id: &[u8; 16], now: Time) -> rusqlite::Result<()> {
    let ended = milliseconds(ENDED_SESSION_RETENTION);
    let expired = milliseconds(EXPIRED_SESSION_RETENTION);
    let deleted = connection
        .prepare_cached(concat!("DELETE FROM sessions WHERE id = ?1 AND ", purge_time!(), " <= ?4"))?
        .execute(params![id, ended, expired, unix_ms(now)])?;
    if deleted == 0 {
        connection
            .prepare_cached(concat!(
                "UPDATE sessions SET purge_check_at = ",
                purge_time!(),
                " WHERE id = ?1"
            ))?
            .execute(params![id, ended, expired])?;
    }
    Ok(())
}

/// Deletes the sessions of a removed user, and the user with the last of them. The time does not matter.
fn purge_removed_user(connection: &Connection, _: Time, limit: u32) -> rusqlite::Result<u64> {
    let Some(user) = users::find_removed(connection)? else { return Ok(0) };
    let deleted = delete_of_user(connection, user, limit)?;
    if deleted == limit {
        return Ok(deleted.into());
    }
    users::delete(connection, user)?;
    Ok(u64::from(deleted) + 1)
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
