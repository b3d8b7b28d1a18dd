//! The row of a session: how it is read, inserted and replaced.

use std::net::IpAddr;

use counterfoil_core::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use counterfoil_core::credentials::session_token::TokenHash;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::status_index::StatusIndex;
use counterfoil_core::store::{ENDED_SESSION_RETENTION, EXPIRY_RECORD_DELAY, LastSeen};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::error::QueryError;
use crate::statement::{Statement, required, statement};
use crate::tables::columns::{
    Columns, Text, json_array, milliseconds, optional_text, position, unix_ms, unsigned,
};

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
pub(super) fn read_session(columns: &mut Columns<'_>) -> Result<Session, QueryError> {
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
        scope: columns.optional_text()?,
        client_info: ClientInfo { ip: columns.optional_ip()?, user_agent: columns.optional_text()? },
        label: columns.optional_text()?,
        ended: match (columns.optional_time()?, columns.optional_word(EndReason::from_name)?) {
            (Some(at), Some(reason)) => Some(SessionEnd { at, reason }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(columns.invalid()),
        },
        revision: columns.unsigned()?,
        acr: columns.optional_text()?,
        audience: columns.optional_text()?,
        status_index: columns.optional_unsigned()?.map(StatusIndex::new),
    })
}

fn read_credential(columns: &mut Columns<'_>) -> Result<SessionCredential, QueryError> {
    let kind: String = columns.value()?;
    let token_hash: Option<[u8; 32]> = columns.optional_bytes()?;
    let key: Option<[u8; 8]> = columns.optional_bytes()?;
    let salt: Option<[u8; 16]> = columns.optional_bytes()?;
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
        _ => Err(columns.invalid()),
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
    token_hash: Option<&'s [u8]>,
    key: Option<&'s [u8]>,
    salt: Option<&'s [u8]>,
    counter: Option<i64>,
    rotated_at: Option<i64>,
}

impl<'s> CredentialColumns<'s> {
    fn new(credential: &'s SessionCredential) -> Result<Self, QueryError> {
        let access_only = Self {
            kind: "access_only",
            token_hash: None,
            key: None,
            salt: None,
            counter: None,
            rotated_at: None,
        };
        Ok(match credential {
            SessionCredential::AccessOnly => access_only,
            SessionCredential::Cookie(hash) => {
                Self { kind: "cookie", token_hash: Some(hash.as_bytes()), ..access_only }
            }
            SessionCredential::Refresh { key_id, salt, counter, rotated_at } => Self {
                kind: "refresh",
                key: Some(key_id.as_bytes()),
                salt: Some(salt.as_bytes()),
                counter: Some(unsigned(*counter)?),
                rotated_at: Some(unix_ms(*rotated_at)),
                ..access_only
            },
        })
    }
}

/// Inserts a session. It conflicts if the id is taken, or if its user or client does not exist. No row is overwritten.
pub(crate) fn insert(session: &Session) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "INSERT INTO sessions (",
        session_columns!(""),
        ", purge_check_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                 $21, $22, $23, $24, $25, $26)
         ON CONFLICT DO NOTHING"
    );
    write(SQL, session)
}

/// The statement that replaces the previous revision of a session.
///
/// Columns that never change are compared and not set, and neither is an indexed column: so the new version of the row
/// needs no new entry in an index. `$26 IS NOT NULL` binds `purge_check_at`, so that all statements take the same
/// parameters.
macro_rules! replace_session {
    ($set_end:literal, $condition:literal) => {
        required!(
            "UPDATE sessions
             SET credential = $4, token_hash = $5, refresh_token_key_id = $6, refresh_salt = $7,
                 refresh_counter = $8, refresh_rotated_at = $9, last_seen_at = $12, idle_timeout = $13,
                 expires_at = $14, position = $15, scope = $16, ip = $17, user_agent = $18, label = $19,
                 revision = $22",
            $set_end,
            " WHERE id = $1 AND revision = $22::bigint - 1 AND ended_at IS NULL
               AND user_id = $2 AND client_id = $3 AND authenticated_at = $10 AND amr = $11
               AND acr IS NOT DISTINCT FROM $23 AND audience IS NOT DISTINCT FROM $24
               AND status_index IS NOT DISTINCT FROM $25 AND $26::bigint IS NOT NULL",
            $condition
        )
    };
}

/// Replaces the previous revision of a session. It conflicts if the stored revision is another one or has ended.
pub(crate) fn replace(session: &Session) -> Result<Statement<'_>, QueryError> {
    let sql = match session.ended {
        Some(_) => replace_session!(", ended_at = $20, end_reason = $21", ""),
        // The end decides about two indexes, so to set its columns would cost each refresh their entries.
        None => replace_session!("", " AND $20::bigint IS NULL AND $21::text IS NULL"),
    };
    write(sql, session)
}

/// `sql` with a session's values as parameters, in the order of [`session_columns`], and with the time of its purge as
/// the last one.
fn write<'p>(sql: &'static str, session: &'p Session) -> Result<Statement<'p>, QueryError> {
    let credential = CredentialColumns::new(&session.credential)?;
    Ok(statement!(
        sql,
        session.id.as_bytes().as_slice(),
        session.user.as_bytes().as_slice(),
        Text(session.client.as_str()),
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
        position(session.pos)?,
        optional_text(session.scope.as_deref()),
        session.client_info.ip.as_ref().map(IpAddr::to_string),
        optional_text(session.client_info.user_agent.as_deref()),
        optional_text(session.label.as_deref()),
        session.ended.map(|ended| unix_ms(ended.at)),
        session.ended.map(|ended| ended.reason.as_str()),
        unsigned(session.revision)?,
        optional_text(session.acr.as_deref()),
        optional_text(session.audience.as_deref()),
        session.status_index.map(|index| unsigned(index.number())).transpose()?,
        unix_ms(purge_check_at(session)),
    ))
}

/// When the purge next checks the row.
fn purge_check_at(session: &Session) -> Time {
    let delay = if session.ended.is_some() { ENDED_SESSION_RETENTION } else { EXPIRY_RECORD_DELAY };
    session.ends_at() + delay
}

/// Sets the times of the last use of sessions, unless they have ended or were used later. Their revisions rise, so
/// that a writer that read a session before cannot restore the old time.
pub(crate) fn record_last_seen<'p>(uses: &[LastSeen]) -> Statement<'p> {
    let ids: Vec<Vec<u8>> = uses.iter().map(|last| last.session.as_bytes().to_vec()).collect();
    let times: Vec<i64> = uses.iter().map(|last| unix_ms(last.at)).collect();
    // A session may be in the list more than once: the latest use counts.
    statement!(
        "UPDATE sessions SET last_seen_at = used.at, revision = revision + 1
         FROM (SELECT id, max(at) AS at FROM unnest($1::bytea[], $2::bigint[]) AS u (id, at) GROUP BY id) AS used
         WHERE sessions.id = used.id AND last_seen_at < used.at AND ended_at IS NULL",
        ids,
        times
    )
}
