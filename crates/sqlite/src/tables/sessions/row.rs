//! The row of a session: how it is read, inserted and replaced.

use std::net::IpAddr;

use rusqlite::types::Type;
use rusqlite::{Connection, params};

use counterfoil_core::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use counterfoil_core::credentials::session_token::TokenHash;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{ENDED_SESSION_RETENTION, EXPIRY_RECORD_DELAY, LastSeen};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::error_class;
use crate::tables::columns::{Columns, Unsigned, json_array, milliseconds, unix_ms};

/// The columns that [`read_session`] reads, and the order of the parameters of [`write`].
macro_rules! session_columns {
    ($prefix:literal) => {
        $crate::tables::columns::column_list!(
            $prefix,
            id,
            user_id,
            client_id,
            credential,
            token_hash,
            refresh_token_key_id,
            refresh_salt,
            refresh_counter,
            refresh_rotated_at,
            authenticated_at,
            amr,
            last_seen_at,
            idle_timeout,
            expires_at,
            position,
            scope,
            ip,
            user_agent,
            label,
            ended_at,
            end_reason,
            revision,
            acr,
            audience,
            status_index,
        )
    };
}
pub(super) use session_columns;

/// Reads a session from the next columns, which are [`session_columns`].
pub(super) fn read_session(columns: &mut Columns<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId::from_bytes(columns.bytes()?),
        user: UserId::from_bytes(columns.bytes()?),
        client: columns.parsed()?,
        credential: read_credential(columns)?,
        authenticated_at: columns.time()?,
        amr: columns.list()?,
        seen_at: columns.time()?,
        idle: columns.duration()?,
        expires_at: columns.time()?,
        pos: columns.position()?,
        scope: columns.value()?,
        client_info: ClientInfo { ip: columns.optional_ip()?, user_agent: columns.value()? },
        label: columns.value()?,
        ended: match (columns.optional_time()?, columns.optional_text(EndReason::from_name)?) {
            (Some(at), Some(reason)) => Some(SessionEnd { at, reason }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(columns.invalid(Type::Text)),
        },
        revision: columns.unsigned()?,
        acr: columns.value()?,
        audience: columns.value()?,
        status_index: columns.optional_unsigned()?.map(StatusIndex::new),
    })
}

fn read_credential(columns: &mut Columns<'_>) -> rusqlite::Result<SessionCredential> {
    let kind: String = columns.value()?;
    let token_hash: Option<[u8; 32]> = columns.value()?;
    let key: Option<[u8; 8]> = columns.value()?;
    let salt: Option<[u8; 16]> = columns.value()?;
    let counter = columns.optional_unsigned()?;
    let rotated_at = columns.optional_time()?;
    match (kind.as_str(), token_hash, key, salt, counter, rotated_at) {
        ("cookie", Some(hash), None, None, None, None) => {
            Ok(SessionCredential::Cookie(TokenHash::from_bytes(hash)))
        }
        ("access_only", None, None, None, None, None) => Ok(SessionCredential::AccessOnly),
        ("refresh", None, Some(key), Some(salt), Some(counter), Some(rotated_at)) => {
            Ok(SessionCredential::Refresh {
                key_id: RefreshTokenKeyId::from_bytes(key),
                salt: Salt::from_bytes(salt),
                counter,
                rotated_at,
            })
        }
        _ => Err(columns.invalid(Type::Text)),
    }
}

/// The mode of a session with this word in `credential`.
pub(super) fn mode_of(kind: &str) -> Option<Mode> {
    match kind {
        "cookie" => Some(Mode::Session),
        "access_only" => Some(Mode::Jwt),
        "refresh" => Some(Mode::Hybrid),
        _ => None,
    }
}

/// A session credential, spread over its columns.
struct CredentialColumns<'s> {
    kind: &'static str,
    token_hash: Option<&'s [u8; 32]>,
    key: Option<&'s [u8; 8]>,
    salt: Option<&'s [u8; 16]>,
    counter: Option<Unsigned>,
    rotated_at: Option<i64>,
}

impl<'s> CredentialColumns<'s> {
    fn new(credential: &'s SessionCredential) -> Self {
        let access_only = Self {
            kind: "access_only",
            token_hash: None,
            key: None,
            salt: None,
            counter: None,
            rotated_at: None,
        };
        match credential {
            SessionCredential::AccessOnly => access_only,
            SessionCredential::Cookie(hash) => {
                Self { kind: "cookie", token_hash: Some(hash.as_bytes()), ..access_only }
            }
            SessionCredential::Refresh { key_id, salt, counter, rotated_at } => Self {
                kind: "refresh",
                key: Some(key_id.as_bytes()),
                salt: Some(salt.as_bytes()),
                counter: Some(Unsigned(*counter)),
                rotated_at: Some(unix_ms(*rotated_at)),
                ..access_only
            },
        }
    }
}

/// Inserts a session; `false` if the id is taken, or if its user or client does not exist. No row is
/// overwritten.
pub(crate) fn insert(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    let inserted = write(
        connection,
        concat!(
            "INSERT INTO sessions (",
            session_columns!(""),
            ", purge_check_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                     ?21, ?22, ?23, ?24, ?25, ?26)
             ON CONFLICT DO NOTHING"
        ),
        session,
    );
    match inserted {
        Err(error) if error_class::is_foreign_key_violation(&error) => Ok(false),
        other => other,
    }
}

/// The statement that replaces the previous revision of a session.
///
/// Columns that never change are compared and not set: SQLite rewrites the index entries of a column that is set and
/// checks its foreign keys, even if the value is the same. `purge_check_at` is not set either (see the schema);
/// `?26 IS NOT NULL` binds it, so that all statements take the same parameters. A unary `+` keeps SQLite from choosing an
/// index.
macro_rules! replace_session {
    ($set_end:literal, $condition:literal) => {
        concat!(
            "UPDATE sessions
             SET credential = ?4, token_hash = ?5, refresh_token_key_id = ?6, refresh_salt = ?7,
                 refresh_counter = ?8, refresh_rotated_at = ?9, last_seen_at = ?12, idle_timeout = ?13,
                 expires_at = ?14, position = ?15, scope = ?16, ip = ?17, user_agent = ?18, label = ?19,
                 revision = ?22",
            $set_end,
            " WHERE id = ?1 AND revision = ?22 - 1 AND ended_at IS NULL
               AND +user_id = ?2 AND +client_id = ?3 AND +authenticated_at = ?10 AND +amr = ?11 AND acr IS ?23
               AND audience IS ?24 AND status_index IS ?25 AND ?26 IS NOT NULL",
            $condition
        )
    };
}

/// Replaces the previous revision of a session; `false` if the stored revision is another one or has ended.
pub(crate) fn replace(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    let sql = match session.ended {
        Some(_) => replace_session!(", ended_at = ?20, end_reason = ?21", ""),
        // Whether a session has ended decides whether it is in the index of live sessions, so to set the columns of the
        // end would cost each refresh the pages of that index.
        None => replace_session!("", " AND ?20 IS NULL AND ?21 IS NULL"),
    };
    write(connection, sql, session)
}

/// Executes `sql` with a session's values as parameters, in the order of [`session_columns`], and with the
/// time of its purge as the last one; `false` if no row changed.
fn write(connection: &Connection, sql: &str, session: &Session) -> rusqlite::Result<bool> {
    let credential = CredentialColumns::new(&session.credential);
    let written = connection.prepare_cached(sql)?.execute(params![
        session.id.as_bytes(),
        session.user.as_bytes(),
        session.client.as_str(),
        credential.kind,
        credential.token_hash,
        credential.key,
        credential.salt,
        credential.counter,
        credential.rotated_at,
        unix_ms(session.authenticated_at),
        json_array(&session.amr)?,
        unix_ms(session.seen_at),
        milliseconds(session.idle),
        unix_ms(session.expires_at),
        Unsigned(session.pos.number()),
        session.scope,
        session.client_info.ip.as_ref().map(IpAddr::to_string),
        session.client_info.user_agent,
        session.label,
        session.ended.map(|ended| unix_ms(ended.at)),
        session.ended.map(|ended| ended.reason.as_str()),
        Unsigned(session.revision),
        session.acr,
        session.audience,
        session.status_index.map(|index| Unsigned(index.number())),
        unix_ms(purge_check_at(session)),
    ])?;
    Ok(written == 1)
}

/// When the purge next checks the row.
fn purge_check_at(session: &Session) -> Time {
    let delay = if session.ended.is_some() { ENDED_SESSION_RETENTION } else { EXPIRY_RECORD_DELAY };
    session.ends_at() + delay
}

/// Sets the time of the last use of a session, unless it has ended or was used later. Its revision rises, so
/// that a writer that read the session before cannot restore the old time.
pub(crate) fn record_last_seen(connection: &Connection, last_seen: &LastSeen) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE sessions SET last_seen_at = ?2, revision = revision + 1
             WHERE id = ?1 AND last_seen_at < ?2 AND ended_at IS NULL",
        )?
        .execute(params![last_seen.session.as_bytes(), unix_ms(last_seen.at)])?;
    Ok(())
}
