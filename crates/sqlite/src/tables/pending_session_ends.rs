//! The table `pending_session_ends`: sessions that are revoked, and that are still to be marked as ended.

use std::net::IpAddr;

use rusqlite::{Connection, Row, params};

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason, SessionEnd};
use counterfoil_core::store::{PendingSessionEnd, SessionEnding};
use counterfoil_verify::{RevocationPosition, UserId};

use super::audit_events::{actor_columns, read_actor};
use super::columns::{Columns, Unsigned, unix_ms};

/// The pending ends in the order of their cutoffs, at most `limit`.
pub(crate) fn all(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<PendingSessionEnd>> {
    connection
        .prepare_cached(
            "SELECT below, user_id, ended_at, end_reason, remember_until, actor, actor_id, ip, user_agent
             FROM pending_session_ends ORDER BY below, user_id LIMIT ?1",
        )?
        .query_map([limit], read)?
        .collect()
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<PendingSessionEnd> {
    let mut columns = Columns::new(row);
    let below = columns.position()?;
    let user = UserId::from_bytes(columns.bytes()?);
    let end = SessionEnd { at: columns.time()?, reason: columns.text(EndReason::from_name)? };
    let remember_until = columns.time()?;
    let actor = read_actor(&mut columns)?;
    let client_info = ClientInfo { ip: columns.optional_ip()?, user_agent: columns.value()? };
    let event = AuditEvent::by_actor(AuditEventKind::SessionEnded, actor, &client_info, end.at);
    Ok(PendingSessionEnd {
        user,
        below,
        ending: SessionEnding { end, remember_until },
        event: event.with_user(user).with_reason(end.reason),
    })
}

/// Inserts a pending end. One of the same user and cutoff stays as it is.
pub(crate) fn insert(connection: &Connection, pending: &PendingSessionEnd) -> rusqlite::Result<()> {
    let (actor, actor_id) = actor_columns(&pending.event.actor);
    connection
        .prepare_cached(
            "INSERT INTO pending_session_ends
                 (below, user_id, ended_at, end_reason, remember_until, actor, actor_id, ip, user_agent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            Unsigned(pending.below.number()),
            pending.user.as_bytes(),
            unix_ms(pending.ending.end.at),
            pending.ending.end.reason.as_str(),
            unix_ms(pending.ending.remember_until),
            actor,
            actor_id,
            pending.event.client_info.ip.as_ref().map(IpAddr::to_string),
            pending.event.client_info.user_agent,
        ])?;
    Ok(())
}

/// Deletes the pending end of `user` with this cutoff, if there is one.
pub(crate) fn delete(
    connection: &Connection,
    user: UserId,
    below: RevocationPosition,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM pending_session_ends WHERE below = ?1 AND user_id = ?2")?
        .execute(params![Unsigned(below.number()), user.as_bytes()])?;
    Ok(())
}
