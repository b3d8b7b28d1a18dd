//! The journal: its table, line by line.

use std::borrow::Cow;
use std::net::IpAddr;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery};
use counterfoil_verify::{SessionId, UserId};

use crate::row::{Columns, time};

/// The lines that are asked for, the newest first.
///
/// One statement for each kind of question: with `?1 IS NULL OR ...` SQLite would walk the whole journal.
pub(crate) fn page(
    connection: &Connection,
    query: &AuditEventQuery,
) -> rusqlite::Result<Vec<(AuditEventNumber, AuditEvent)>> {
    let sql = match (query.user, query.session) {
        _ if query.marks => {
            "SELECT number, at, kind, user, session, client, actor, actor_id, cause, ip, user_agent, detail
             FROM events
             WHERE kind IN ('client_revoked', 'everyone_revoked', 'restored')
               AND ?1 IS NULL AND ?2 IS NULL AND number < ?3
             ORDER BY number DESC LIMIT ?4"
        }
        (None, None) => {
            "SELECT number, at, kind, user, session, client, actor, actor_id, cause, ip, user_agent, detail
             FROM events WHERE ?1 IS NULL AND ?2 IS NULL AND number < ?3
             ORDER BY number DESC LIMIT ?4"
        }
        (Some(_), None) => {
            "SELECT number, at, kind, user, session, client, actor, actor_id, cause, ip, user_agent, detail
             FROM events WHERE user = ?1 AND ?2 IS NULL AND number < ?3
             ORDER BY number DESC LIMIT ?4"
        }
        (None, Some(_)) => {
            "SELECT number, at, kind, user, session, client, actor, actor_id, cause, ip, user_agent, detail
             FROM events WHERE ?1 IS NULL AND session = ?2 AND number < ?3
             ORDER BY number DESC LIMIT ?4"
        }
        (Some(_), Some(_)) => {
            "SELECT number, at, kind, user, session, client, actor, actor_id, cause, ip, user_agent, detail
             FROM events WHERE +user = ?1 AND session = ?2 AND number < ?3
             ORDER BY number DESC LIMIT ?4"
        }
    };
    connection
        .prepare_cached(sql)?
        .query_map(
            params![
                query.user.as_ref().map(UserId::as_bytes),
                query.session.as_ref().map(SessionId::as_bytes),
                query.before.map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX)),
                query.limit
            ],
            read,
        )?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<(AuditEventNumber, AuditEvent)> {
    let mut columns = Columns::of(row);
    let number = columns.number()?;
    let event = AuditEvent {
        at: columns.time()?,
        kind: columns.word(AuditEventKind::from_word)?,
        user: columns.plain::<Option<_>>()?.map(UserId::from_bytes),
        session: columns.plain::<Option<_>>()?.map(SessionId::from_bytes),
        client: columns.word_if_any(|text| text.parse().ok())?,
        actor: read_actor(&mut columns)?,
        cause: columns.word_if_any(EndReason::from_word)?,
        from: ClientInfo { ip: columns.address()?, user_agent: columns.plain()? },
        detail: columns.plain::<Option<String>>()?.map(Cow::Owned),
    };
    Ok((number, event))
}

fn read_actor(columns: &mut Columns<'_>) -> rusqlite::Result<Actor> {
    let kind: String = columns.plain()?;
    let id: Option<[u8; 16]> = columns.plain()?;
    match (kind.as_str(), id) {
        ("anonymous", None) => Ok(Actor::Anonymous),
        ("user", Some(id)) => Ok(Actor::User(UserId::from_bytes(id))),
        ("admin_key", Some(id)) => Ok(Actor::AdminKey(AdminKeyId::from_bytes(id))),
        ("operator", None) => Ok(Actor::Operator),
        ("system", None) => Ok(Actor::System),
        _ => Err(columns.unfit(Type::Text)),
    }
}

/// Writes a line; its number is one more than that of the newest.
pub(crate) fn insert(connection: &Connection, event: &AuditEvent) -> rusqlite::Result<()> {
    let (actor, actor_id) = match &event.actor {
        Actor::Anonymous => ("anonymous", None),
        Actor::User(id) => ("user", Some(id.as_bytes())),
        Actor::AdminKey(id) => ("admin_key", Some(id.as_bytes())),
        Actor::Operator => ("operator", None),
        Actor::System => ("system", None),
    };
    connection
        .prepare_cached(
            "INSERT INTO events (at, kind, user, session, client, actor, actor_id, cause, ip, user_agent,
                                 detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            time(event.at),
            event.kind.as_str(),
            event.user.as_ref().map(UserId::as_bytes),
            event.session.as_ref().map(SessionId::as_bytes),
            event.client.as_ref().map(|client| client.as_str()),
            actor,
            actor_id,
            event.cause.map(EndReason::as_str),
            event.from.ip.as_ref().map(IpAddr::to_string),
            event.from.user_agent,
            event.detail,
        ])?;
    Ok(())
}
