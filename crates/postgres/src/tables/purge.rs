//! Purging: records expired sessions, and deletes sessions that ended long ago, removed users, expired revocations, expired
//! counters, and old audit events.

use std::collections::HashMap;

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::model::session::Session;
use counterfoil_core::store::{
    AuditRetention, ENDED_SESSION_RETENTION, EXPIRED_SESSION_RETENTION, EXPIRY_RECORD_DELAY, ExpiryEvents,
    Purged, PurgedEvents,
};
use counterfoil_jose::Time;

use super::columns::{Columns, milliseconds, unix_ms};
use super::sessions::end::delete_of_user;
use super::{audit_events, nodes, sessions, users};
use crate::error::QueryError;
use crate::statement::{Failure, Pipeline, Statement, statement};

/// Records the sessions that have expired at `now`, and deletes what expired long enough ago, at most `limit` rows.
pub(crate) async fn purge(
    pipeline: &mut Pipeline<'_, '_>,
    now: Time,
    limit: u32,
    expiries: ExpiryEvents,
) -> Result<Purged, Failure> {
    let mut purged = Purged { expiries, ..Purged::default() };
    purge_sessions(pipeline, now, limit, &mut purged).await?;
    purged.rows += purge_removed_user(pipeline, now, remaining(limit, &purged)).await?;
    for delete in [delete_revocations, delete_counters] {
        let deleted = pipeline.query(delete(now, remaining(limit, &purged))).await?;
        purged.rows += deleted.len() as u64;
    }
    let applied = nodes::delete_applied_changes(remaining(limit, &purged));
    purged.rows += pipeline.query(applied).await?.len() as u64;
    Ok(purged)
}

fn remaining(limit: u32, purged: &Purged) -> u32 {
    limit.saturating_sub(u32::try_from(purged.rows).unwrap_or(u32::MAX))
}

/// The SQL of a sum that stops at the largest number that a column can hold.
macro_rules! sum {
    ($time:expr, $duration:literal) => {
        concat!("(least(", $time, ", 9223372036854775807 - ", $duration, ") + ", $duration, ")")
    };
}

/// The SQL of the time at which a session expires by itself.
macro_rules! expiry_time {
    () => {
        concat!("least(expires_at, ", sum!("last_seen_at", "idle_timeout"), ")")
    };
}

/// The SQL of the time from which on a session is purged, by the retentions `$2` and `$3` of ended and expired ones.
macro_rules! purge_time {
    () => {
        concat!(
            "CASE WHEN ended_at IS NULL THEN ",
            sum!(expiry_time!(), "$3::bigint"),
            " ELSE ",
            sum!("ended_at", "$2::bigint"),
            " END"
        )
    };
}

/// Checks the sessions that are due: records those that have expired, and deletes those that ended long enough ago.
async fn purge_sessions(
    pipeline: &mut Pipeline<'_, '_>,
    now: Time,
    limit: u32,
    purged: &mut Purged,
) -> Result<(), Failure> {
    let due = pipeline
        .query(statement!(
            concat!(
                "SELECT id, ended_at IS NULL AND NOT expiry_recorded AND ",
                expiry_time!(),
                " <= $1::bigint - $3::bigint FROM sessions WHERE purge_check_at <= $1 ORDER BY purge_check_at LIMIT $2"
            ),
            unix_ms(now),
            i64::from(limit),
            milliseconds(EXPIRY_RECORD_DELAY)
        ))
        .await?;
    if due.is_empty() {
        return Ok(());
    }
    let (mut ids, mut expired) = (Vec::with_capacity(due.len()), Vec::new());
    for row in &due {
        let mut columns = Columns::new(row);
        let id: Vec<u8> = columns.value::<Vec<u8>>()?;
        if columns.value::<bool>()? {
            expired.push(id.clone());
        }
        ids.push(id);
    }
    record_expiries(pipeline, expired, purged).await?;
    purged.rows += ids.len() as u64;
    pipeline.push_certain(delete_sessions(ids.clone(), now));
    pipeline.push_certain(set_next_check(ids));
    Ok(())
}

/// Records that sessions have expired, unless a cutoff had revoked them before.
async fn record_expiries(
    pipeline: &mut Pipeline<'_, '_>,
    expired: Vec<Vec<u8>>,
    purged: &mut Purged,
) -> Result<(), Failure> {
    if expired.is_empty() {
        return Ok(());
    }
    pipeline.push_certain(statement!(
        "UPDATE sessions SET expiry_recorded = true WHERE id = ANY ($1)",
        expired.clone()
    ));
    let rows = pipeline.query(sessions::select_above_cutoffs(&expired)).await?;
    let read = |row| sessions::read(row).map(|session| (session.id.as_bytes().to_vec(), session));
    let mut found: HashMap<Vec<u8>, Session> = rows.iter().map(read).collect::<Result<_, QueryError>>()?;
    for session in expired.iter().filter_map(|id| found.remove(id)) {
        let event = AuditEvent::session_expired(&session);
        if purged.expiries == ExpiryEvents::Record {
            pipeline.push_certain(audit_events::insert(&event));
        }
        purged.expired.push(event);
    }
    Ok(())
}

/// Deletes those of the sessions that ended or expired long enough ago, and frees their indexes in the status lists.
fn delete_sessions<'p>(ids: Vec<Vec<u8>>, now: Time) -> Statement<'p> {
    statement!(
        concat!(
            "WITH deleted AS (DELETE FROM sessions WHERE id = ANY ($1) AND ",
            purge_time!(),
            " <= $4 RETURNING status_index)
             INSERT INTO free_status_indexes (freed_at, status_index)
             SELECT $4, status_index FROM deleted WHERE status_index IS NOT NULL"
        ),
        ids,
        milliseconds(ENDED_SESSION_RETENTION),
        milliseconds(EXPIRED_SESSION_RETENTION),
        unix_ms(now)
    )
}

/// Sets the time of the next check of those that stay.
fn set_next_check<'p>(ids: Vec<Vec<u8>>) -> Statement<'p> {
    statement!(
        concat!(
            "UPDATE sessions SET purge_check_at = CASE WHEN ended_at IS NULL AND NOT expiry_recorded THEN ",
            sum!(expiry_time!(), "$4::bigint"),
            " ELSE ",
            purge_time!(),
            " END WHERE id = ANY ($1)"
        ),
        ids,
        milliseconds(ENDED_SESSION_RETENTION),
        milliseconds(EXPIRED_SESSION_RETENTION),
        milliseconds(EXPIRY_RECORD_DELAY)
    )
}

/// Deletes the sessions of a removed user, and the user with the last of them.
async fn purge_removed_user(pipeline: &mut Pipeline<'_, '_>, now: Time, limit: u32) -> Result<u64, Failure> {
    let rows = pipeline.query(users::select_removed()).await?;
    let Some(row) = rows.first() else { return Ok(0) };
    let user = users::read_id(row)?;
    let rows = pipeline.query(delete_of_user(user, now, limit)).await?;
    let deleted = rows.first().map_or(Ok(0), |row| Columns::new(row).unsigned())?;
    if deleted == u64::from(limit) {
        return Ok(deleted);
    }
    pipeline.push_certain(users::delete(user));
    Ok(deleted + 1)
}

/// Deletes revocations whose last token has expired. A revocation without an expiry time is kept for ever.
///
/// As in other statements with an array: PostgreSQL takes a sub-select with an unknown limit for a tenth of the table, and may
/// read the whole table to join it.
fn delete_revocations<'p>(now: Time, limit: u32) -> Statement<'p> {
    statement!(
        "DELETE FROM revocation_log WHERE position = ANY (ARRAY
             (SELECT position FROM revocation_log WHERE expires_at < $1 ORDER BY expires_at LIMIT $2))
         RETURNING 1",
        unix_ms(now),
        i64::from(limit)
    )
}

/// Deletes counters whose window is over.
fn delete_counters<'p>(now: Time, limit: u32) -> Statement<'p> {
    statement!(
        "DELETE FROM counters WHERE key = ANY (ARRAY
             (SELECT key FROM counters WHERE window_ends_at <= $1 ORDER BY window_ends_at LIMIT $2))
         RETURNING 1",
        unix_ms(now),
        i64::from(limit)
    )
}

/// Deletes old audit events and those above the limit, at most `limit` of each. The newest event always stays, because the
/// next number is derived from it.
pub(crate) async fn purge_audit_log(
    pipeline: &mut Pipeline<'_, '_>,
    retention: AuditRetention,
    now: Time,
    limit: u32,
) -> Result<PurgedEvents, Failure> {
    let expired = pipeline
        .query(statement!(
            "DELETE FROM audit_events
             WHERE number = ANY (ARRAY(SELECT number FROM audit_events ORDER BY number LIMIT $2))
               AND occurred_at < $1 AND number < (SELECT max(number) FROM audit_events)
             RETURNING 1",
            unix_ms(now - retention.max_age),
            i64::from(limit)
        ))
        .await?;
    let above_limit = match retention.max_events {
        // Numbers are consecutive: an event gets the successor of the newest one, and only the oldest are deleted.
        Some(max) => {
            let delete = statement!(
                "DELETE FROM audit_events
                 WHERE number = ANY (ARRAY(SELECT number FROM audit_events ORDER BY number LIMIT $2))
                   AND number <= (SELECT max(number) FROM audit_events) - $1
                 RETURNING 1",
                i64::try_from(max.get()).unwrap_or(i64::MAX),
                i64::from(limit)
            );
            pipeline.query(delete).await?.len()
        }
        None => 0,
    };
    Ok(PurgedEvents { expired: expired.len() as u64, above_limit: above_limit as u64 })
}
