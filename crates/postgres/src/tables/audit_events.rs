//! The table `audit_events`: the audit log.

use std::borrow::Cow;
use std::net::IpAddr;

use tokio_postgres::Row;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, Scan};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use super::columns::{Columns, Text, unix_ms};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, statement};

/// The columns of an event without its number, in the order of the parameters of [`insert`].
macro_rules! event_columns {
    () => {
        "occurred_at, kind, user_id, session_id, client_id, actor, actor_id, end_reason, ip, user_agent, detail"
    };
}

/// The most events that one read with a filter visits.
const MAX_VISITED: u32 = 2_000;

/// The statement that selects events by a condition on the user `$1` and the session `$2`, in one direction from the number
/// `$3` on.
macro_rules! select_events {
    ($condition:literal, $direction:literal) => {
        concat!(
            "SELECT number, ",
            event_columns!(),
            " FROM audit_events WHERE ",
            $condition,
            " AND number ",
            $direction,
            " LIMIT $4"
        )
    };
}

/// The statements for both directions.
macro_rules! newest_or_oldest_first {
    ($is_oldest_first:expr, $condition:literal) => {
        match $is_oldest_first {
            true => select_events!($condition, "> $3 ORDER BY number"),
            false => select_events!($condition, "< $3 ORDER BY number DESC"),
        }
    };
}

/// The events that `query` selects.
///
/// The kind, the time, the actor and the address are compared here and not in SQL, so that a read visits a bounded number of events.
pub(crate) async fn scan(
    connection: &Connection,
    query: &AuditEventQuery,
) -> Result<Scan<(AuditEventNumber, AuditEvent), AuditEventNumber>, QueryError> {
    let max_visited = if query.is_filtered() { MAX_VISITED.max(query.limit) } else { query.limit };
    let start = query.after.or(query.before).unwrap_or(u64::MAX);
    let visited = statement!(
        statement_for(query),
        query.user.as_ref().map(|id| id.as_bytes().as_slice()),
        query.session.as_ref().map(|id| id.as_bytes().as_slice()),
        i64::try_from(start).unwrap_or(i64::MAX),
        i64::from(max_visited)
    );
    let (mut found, mut count) = (Scan { rows: Vec::new(), next: None }, 0);
    for row in visited.query(connection).await? {
        let (number, at, kind) = read_number_time_and_kind(&row)?;
        if query.after.is_none() && query.ends_at(kind, at) {
            break;
        }
        if query.matches(kind, at) {
            let event = read(&row)?;
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

/// One statement for each kind of query, so that each has the plan of its index.
fn statement_for(query: &AuditEventQuery) -> &'static str {
    let is_oldest_first = query.after.is_some();
    match (query.user, query.session) {
        _ if query.cutoffs_only => newest_or_oldest_first!(
            is_oldest_first,
            "kind IN ('client_revoked', 'everyone_revoked', 'restored') AND $1::bytea IS NULL AND $2::bytea IS NULL"
        ),
        (None, None) => {
            newest_or_oldest_first!(is_oldest_first, "$1::bytea IS NULL AND $2::bytea IS NULL")
        }
        (Some(_), None) => newest_or_oldest_first!(is_oldest_first, "user_id = $1 AND $2::bytea IS NULL"),
        (None, Some(_)) => newest_or_oldest_first!(is_oldest_first, "$1::bytea IS NULL AND session_id = $2"),
        (Some(_), Some(_)) => newest_or_oldest_first!(is_oldest_first, "user_id = $1 AND session_id = $2"),
    }
}

fn read_number_time_and_kind(row: &Row) -> Result<(AuditEventNumber, Time, AuditEventKind), QueryError> {
    let mut columns = Columns::new(row);
    Ok((columns.unsigned()?, columns.time()?, columns.word(AuditEventKind::from_name)?))
}

pub(crate) fn read(row: &Row) -> Result<(AuditEventNumber, AuditEvent), QueryError> {
    let mut columns = Columns::new(row);
    let number = columns.unsigned()?;
    let event = AuditEvent {
        at: columns.time()?,
        kind: columns.word(AuditEventKind::from_name)?,
        user: columns.optional_bytes()?.map(UserId::from_bytes),
        session: columns.optional_bytes()?.map(SessionId::from_bytes),
        client: columns.optional_word(|text| text.parse().ok())?,
        actor: read_actor(&mut columns)?,
        reason: columns.optional_word(EndReason::from_name)?,
        client_info: ClientInfo { ip: columns.optional_ip()?, user_agent: columns.optional_text()? },
        detail: columns.optional_text()?.map(Cow::Owned),
    };
    Ok((number, event))
}

pub(super) fn read_actor(columns: &mut Columns<'_>) -> Result<Actor, QueryError> {
    let kind: String = columns.value()?;
    let id: Option<[u8; 16]> = columns.optional_bytes()?;
    match (kind.as_str(), id) {
        ("anonymous", None) => Ok(Actor::Anonymous),
        ("user", Some(id)) => Ok(Actor::User(UserId::from_bytes(id))),
        ("admin_key", Some(id)) => Ok(Actor::AdminKey(AdminKeyId::from_bytes(id))),
        ("operator", None) => Ok(Actor::Operator),
        ("system", None) => Ok(Actor::System),
        _ => Err(columns.invalid()),
    }
}

/// The kind and the id of an actor, as its columns hold them.
pub(super) fn actor_columns(actor: &Actor) -> (&'static str, Option<Vec<u8>>) {
    match actor {
        Actor::Anonymous => ("anonymous", None),
        Actor::User(id) => ("user", Some(id.as_bytes().to_vec())),
        Actor::AdminKey(id) => ("admin_key", Some(id.as_bytes().to_vec())),
        Actor::Operator => ("operator", None),
        Actor::System => ("system", None),
    }
}

/// Inserts an event. Its number is the successor of the newest one: one connection writes, so no other commit takes it.
pub(crate) fn insert<'p>(event: &AuditEvent) -> Statement<'p> {
    let (actor, actor_id) = actor_columns(&event.actor);
    let stored = |text: &str| Text(text).into_stored();
    statement!(
        concat!(
            "INSERT INTO audit_events (number, ",
            event_columns!(),
            ") VALUES (coalesce((SELECT max(number) FROM audit_events), 0) + 1,
                       $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        unix_ms(event.at),
        event.kind.as_str(),
        event.user.map(|id| id.as_bytes().to_vec()),
        event.session.map(|id| id.as_bytes().to_vec()),
        event.client.as_ref().map(|client| client.as_str().to_owned()),
        actor,
        actor_id,
        event.reason.map(EndReason::as_str),
        event.client_info.ip.as_ref().map(IpAddr::to_string),
        event.client_info.user_agent.as_deref().map(stored),
        event.detail.as_deref().map(stored),
    )
}
