//! Purging: records expired sessions, and deletes sessions that ended long ago, removed users, expired revocations, expired
//! counters, and old audit events.

use rusqlite::{Connection, OptionalExtension, params};

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{
    AuditRetention, ENDED_SESSION_RETENTION, EXPIRED_SESSION_RETENTION, EXPIRY_RECORD_DELAY, ExpiryEvents,
    Purged, PurgedEvents,
};
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use super::columns::{Columns, milliseconds, unix_ms};
use super::sessions::end::delete_of_user;
use super::{audit_events, sessions, status_indexes, users};

/// Records the sessions that have expired at `now`, and deletes what expired long enough ago, at most `limit` rows.
pub(crate) fn purge(
    connection: &Connection,
    now: Time,
    limit: u32,
    expiries: ExpiryEvents,
) -> rusqlite::Result<Purged> {
    let mut purged = Purged { expiries, ..Purged::default() };
    purge_sessions(connection, now, limit, &mut purged)?;
    for purge_table in [purge_removed_user, purge_revocations, purge_counters] {
        let remaining = limit.saturating_sub(u32::try_from(purged.rows).unwrap_or(u32::MAX));
        purged.rows += purge_table(connection, now, remaining)?;
    }
    Ok(purged)
}

/// The SQL of the time at which a session expires by itself.
macro_rules! expiry_time {
    () => {
        "min(expires_at, last_seen_at + idle_timeout)"
    };
}

/// The SQL of the time from which on a session is purged, by the retentions `?2` and `?3` of ended and expired ones.
macro_rules! purge_time {
    () => {
        concat!("coalesce(ended_at + ?2, ", expiry_time!(), " + ?3)")
    };
}

/// Checks the sessions that are due: records those that have expired, and deletes those that ended long enough ago.
fn purge_sessions(
    connection: &Connection,
    now: Time,
    limit: u32,
    purged: &mut Purged,
) -> rusqlite::Result<()> {
    let due: Vec<([u8; 16], bool)> = connection
        .prepare_cached(concat!(
            "SELECT id, ended_at IS NULL AND expiry_recorded = 0 AND ",
            expiry_time!(),
            " + ?3 <= ?1 FROM sessions WHERE purge_check_at <= ?1 ORDER BY purge_check_at LIMIT ?2"
        ))?
        .query_map(params![unix_ms(now), limit, milliseconds(EXPIRY_RECORD_DELAY)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (id, has_expired) in &due {
        if *has_expired {
            record_expiry(connection, SessionId::from_bytes(*id), purged)?;
        }
        purge_session(connection, id, now)?;
    }
    purged.rows += due.len() as u64;
    Ok(())
}

/// Records that a session has expired, unless a cutoff had revoked it before.
fn record_expiry(connection: &Connection, id: SessionId, purged: &mut Purged) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE sessions SET expiry_recorded = 1 WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    let Some(session) = sessions::find_above_cutoffs(connection, id)? else { return Ok(()) };
    let event = AuditEvent::session_expired(&session);
    if purged.expiries == ExpiryEvents::Record {
        audit_events::insert(connection, &event)?;
    }
    purged.expired.push(event);
    Ok(())
}

/// Deletes one session and frees its index in the status lists, or sets the time of its next check.
fn purge_session(connection: &Connection, id: &[u8; 16], now: Time) -> rusqlite::Result<()> {
    let ended = milliseconds(ENDED_SESSION_RETENTION);
    let expired = milliseconds(EXPIRED_SESSION_RETENTION);
    let deleted: Option<Option<u64>> = connection
        .prepare_cached(concat!(
            "DELETE FROM sessions WHERE id = ?1 AND ",
            purge_time!(),
            " <= ?4 RETURNING status_index"
        ))?
        .query_row(params![id, ended, expired, unix_ms(now)], |row| Columns::new(row).optional_unsigned())
        .optional()?;
    if let Some(Some(index)) = deleted {
        status_indexes::free(connection, StatusIndex::new(index), now)?;
    }
    if deleted.is_none() {
        connection
            .prepare_cached(concat!(
                "UPDATE sessions SET purge_check_at = CASE WHEN ended_at IS NULL AND expiry_recorded = 0 THEN ",
                expiry_time!(),
                " + ?4 ELSE ",
                purge_time!(),
                " END WHERE id = ?1"
            ))?
            .execute(params![id, ended, expired, milliseconds(EXPIRY_RECORD_DELAY)])?;
    }
    Ok(())
}

/// Deletes the sessions of a removed user, and the user with the last of them.
fn purge_removed_user(connection: &Connection, now: Time, limit: u32) -> rusqlite::Result<u64> {
    let Some(user) = users::find_removed(connection)? else { return Ok(0) };
    let deleted = delete_of_user(connection, user, now, limit)?;
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
