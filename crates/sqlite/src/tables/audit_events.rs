//! The table `audit_events`: the audit log.

use std::borrow::Cow;
use std::net::IpAddr;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, Scan};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use super::columns::{Columns, unix_ms};

/// The columns of an event without its number, in the order of the parameters of [`insert`].
macro_rules! event_columns {
    () => {
        "occurred_at, kind, user_id, session_id, client_id, actor, actor_id, end_reason, ip, user_agent, detail"
    };
}

/// The most events that one read with a filter visits.
const MAX_VISITED: u32 = 2_000;

/// The statement that selects events by a condition on the user `?1` and the session `?2`, in one direction from the number
/// `?3` on.
macro_rules! select_events {
    ($condition:literal, $direction:literal) => {
        concat!(
            "SELECT number, ",
            event_columns!(),
            " FROM audit_events WHERE ",
            $condition,
            " AND number ",
            $direction,
            " LIMIT ?4"
        )
    };
}

/// The statements for both directions.
macro_rules! newest_or_oldest_first {
    ($is_oldest_first:expr, $condition:literal) => {
        match $is_oldest_first {
            true => select_events!($condition, "> ?3 ORDER BY number"),
            false => select_events!($condition, "< ?3 ORDER BY number DESC"),
        }
    };
}

/// The events that `query` selects.
///
/// The kind, the time, the actor and the address are compared here and not in SQL, so that a read visits a bounded number of events.
pub(crate) fn scan(
    connection: &Connection,
    query: &AuditEventQuery,
) -> rusqlite::Result<Scan<(AuditEventNumber, AuditEvent), AuditEventNumber>> {
    let max_visited = if query.is_filtered() { MAX_VISITED.max(query.limit) } else { query.limit };
    let start = query.after.or(query.before).unwrap_or(u64::MAX);
    let mut statement = connection.prepare_cached(statement_for(query))?;
    let mut visited = statement.query(params![
        query.user.as_ref().map(UserId::as_bytes),
        query.session.as_ref().map(SessionId::as_bytes),
        i64::try_from(start).unwrap_or(i64::MAX),
        max_visited
    ])?;
    let (mut found, mut count) = (Scan { rows: Vec::new(), next: None }, 0);
    while let Some(row) = visited.next()? {
        let (number, at, kind) = read_number_time_and_kind(row)?;
        if query.after.is_none() && query.ends_at(kind, at) {
            break;
        }
        if query.matches(kind, at) {
            let event = read(row)?;
            if query.matches_source(&event.1) {
                found.rows.push(event);
            }
        }
        count += 1;
        if count == max_visited || found.rows.len() >= query.limit as usize {
            found.next = Some(number);
            break;
        }
    }
    Ok(found)
}

/// One statement for each kind of query: with `?1 IS NULL OR …` SQLite would scan the whole table.
fn statement_for(query: &AuditEventQuery) -> &'static str {
    let is_oldest_first = query.after.is_some();
    match (query.user, query.session) {
        _ if query.cutoffs_only => newest_or_oldest_first!(
            is_oldest_first,
            "kind IN ('client_revoked', 'everyone_revoked', 'restored') AND ?1 IS NULL AND ?2 IS NULL"
        ),
        (None, None) => newest_or_oldest_first!(is_oldest_first, "?1 IS NULL AND ?2 IS NULL"),
        (Some(_), None) => newest_or_oldest_first!(is_oldest_first, "user_id = ?1 AND ?2 IS NULL"),
        (None, Some(_)) => newest_or_oldest_first!(is_oldest_first, "?1 IS NULL AND session_id = ?2"),
        // The unary `+` keeps SQLite from the index of users: a session has fewer events.
        (Some(_), Some(_)) => newest_or_oldest_first!(is_oldest_first, "+user_id = ?1 AND session_id = ?2"),
    }
}

fn read_number_time_and_kind(row: &Row<'_>) -> rusqlite::Result<(AuditEventNumber, Time, AuditEventKind)> {
    let mut columns = Columns::new(row);
    Ok((columns.unsigned()?, columns.time()?, columns.text(AuditEventKind::from_name)?))
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<(AuditEventNumber, AuditEvent)> {
    let mut columns = Columns::new(row);
    let number = columns.unsigned()?;
    let event = AuditEvent {
        at: columns.time()?,
        kind: columns.text(AuditEventKind::from_name)?,
        user: columns.value::<Option<_>>()?.map(UserId::from_bytes),
        session: columns.value::<Option<_>>()?.map(SessionId::from_bytes),
        client: columns.optional_text(|text| text.parse().ok())?,
        actor: read_actor(&mut columns)?,
        reason: columns.optional_text(EndReason::from_name)?,
        client_info: ClientInfo { ip: columns.optional_ip()?, user_agent: columns.value()? },
        detail: columns.value::<Option<String>>()?.map(Cow::Owned),
    };
    Ok((number, event))
}

pub(super) fn read_actor(columns: &mut Columns<'_>) -> rusqlite::Result<Actor> {
    let kind: String = columns.value()?;
    let id: Option<[u8; 16]> = columns.value()?;
    match (kind.as_str(), id) {
        ("anonymous", None) => Ok(Actor::Anonymous),
        ("user", Some(id)) => Ok(Actor::User(UserId::from_bytes(id))),
        ("admin_key", Some(id)) => Ok(Actor::AdminKey(AdminKeyId::from_bytes(id))),
        ("operator", None) => Ok(Actor::Operator),
        ("system", None) => Ok(Actor::System),
        _ => Err(columns.invalid(Type::Text)),
    }
}

/// The kind and the id of an actor, as its columns hold them.
pub(super) fn actor_columns(actor: &Actor) -> (&'static str, Option<&[u8; 16]>) {
    match actor {
        Actor::Anonymous => ("anonymous", None),
        Actor::User(id) => ("user", Some(id.as_bytes())),
        Actor::AdminKey(id) => ("admin_key", Some(id.as_bytes())),
        Actor::Operator => ("operator", None),
        Actor::System => ("system", None),
    }
}

/// Inserts an event. Its number is the successor of the newest one.
pub(crate) fn insert(connection: &Connection, event: &AuditEvent) -> rusqlite::Result<()> {
    let (actor, actor_id) = actor_columns(&event.actor);
    connection
        .prepare_cached(concat!(
            "INSERT INTO audit_events (",
            event_columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ))?
        .execute(params![
            unix_ms(event.at),
            event.kind.as_str(),
            event.user.as_ref().map(UserId::as_bytes),
            event.session.as_ref().map(SessionId::as_bytes),
            event.client.as_ref().map(|client| client.as_str()),
            actor,
            actor_id,
            event.reason.map(EndReason::as_str),
            event.client_info.ip.as_ref().map(IpAddr::to_string),
            event.client_info.user_agent,
            event.detail,
        ])?;
    Ok(())
}
