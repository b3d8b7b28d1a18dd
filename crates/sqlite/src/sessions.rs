//! Sessions: their table, row by row.

use std::net::IpAddr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use counterfoil_core::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use counterfoil_core::credentials::session_token::TokenHash;
use counterfoil_core::model::session::{ClientInfo, EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::store::{LastSeen, Page, SessionContext, SessionCursor};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::purge::KEPT_AFTER_THE_END;
use crate::row::{Columns, Number, duration, list, time};
use crate::{clients, error_class, users};

/// The session `id`, live or not.
pub(crate) fn find(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<Session>> {
    connection
        .prepare_cached(
            "SELECT id, user, client, stub, digest, pepper, salt, turn, since, authenticated_at, amr, seen_at,
                    idle, expires_at, pos, scope, ip, user_agent, label, ended_at, ended_cause, revision
             FROM sessions WHERE id = ?1",
        )?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// The session `id` with all that it is judged by. One statement, so one snapshot.
pub(crate) fn standing(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<SessionContext>> {
    connection
        .prepare_cached(
            "SELECT s.id, s.user, s.client, s.stub, s.digest, s.pepper, s.salt, s.turn, s.since,
                    s.authenticated_at, s.amr, s.seen_at, s.idle, s.expires_at, s.pos, s.scope, s.ip,
                    s.user_agent, s.label, s.ended_at, s.ended_cause, s.revision,
                    u.id, u.username, u.folded, u.email, u.email_verified, u.password, u.roles,
                    u.disabled_at, u.epoch, u.not_before, u.created_at, u.revision,
                    c.id, c.name, c.modes, c.audiences, c.scopes, c.session_idle, c.session_absolute, c.jwt,
                    c.access, c.refresh_idle, c.refresh_absolute, c.enabled, c.not_before, c.revision,
                    h.not_before, h.last
             FROM sessions s
             JOIN users u ON u.id = s.user
             JOIN clients c ON c.id = s.client
             JOIN log_head h ON h.one = 1
             WHERE s.id = ?1",
        )?
        .query_row([id.as_bytes()], |row| {
            let mut columns = Columns::of(row);
            Ok(SessionContext {
                session: read_from(&mut columns)?,
                user: users::read_from(&mut columns)?,
                client: clients::read_from(&mut columns)?,
                not_before: columns.position()?,
                head: columns.position()?,
            })
        })
        .optional()
}

/// The live sessions of `user`, the newest first; those below a mark are dead, whatever their row says.
pub(crate) fn page_of(
    connection: &Connection,
    user: UserId,
    page: Page<SessionCursor>,
    now: Time,
) -> rusqlite::Result<Vec<Session>> {
    // Before the first place stands the last moment that there is, with the last of all ids.
    let (opened, id) =
        page.after.map_or((i64::MAX, [u8::MAX; 16]), |at| (time(at.authenticated_at), *at.id.as_bytes()));
    connection
        .prepare_cached(
            "SELECT id, user, client, stub, digest, pepper, salt, turn, since, authenticated_at, amr, seen_at,
                    idle, expires_at, pos, scope, ip, user_agent, label, ended_at, ended_cause, revision
             FROM sessions
             WHERE user = ?1 AND ended_at IS NULL AND expires_at > ?2 AND seen_at + idle > ?2
               AND (authenticated_at, id) < (?3, ?4)
               AND pos >= (SELECT not_before FROM users WHERE id = sessions.user)
               AND pos >= (SELECT not_before FROM clients WHERE id = sessions.client)
               AND pos >= (SELECT not_before FROM log_head WHERE one = 1)
             ORDER BY authenticated_at DESC, id DESC
             LIMIT ?5",
        )?
        .query_map(params![user.as_bytes(), time(now), opened, id, page.limit], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    read_from(&mut Columns::of(row))
}

/// Reads a session from the next 22 columns.
fn read_from(columns: &mut Columns<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId::from_bytes(columns.bytes()?),
        user: UserId::from_bytes(columns.bytes()?),
        client: columns.name()?,
        stub: read_stub(columns)?,
        authenticated_at: columns.time()?,
        amr: columns.list()?,
        seen_at: columns.time()?,
        idle: columns.duration()?,
        expires_at: columns.time()?,
        pos: columns.position()?,
        scope: columns.plain()?,
        from: ClientInfo { ip: columns.address()?, user_agent: columns.plain()? },
        label: columns.plain()?,
        ended: match (columns.time_if_any()?, columns.word_if_any(EndReason::from_word)?) {
            (Some(at), Some(cause)) => Some(SessionEnd { at, cause }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(columns.unfit(Type::Text)),
        },
        revision: columns.number()?,
    })
}

fn read_stub(columns: &mut Columns<'_>) -> rusqlite::Result<SessionCredential> {
    let kind: String = columns.plain()?;
    let digest: Option<[u8; 32]> = columns.plain()?;
    let pepper: Option<[u8; 8]> = columns.plain()?;
    let salt: Option<[u8; 16]> = columns.plain()?;
    let turn: Option<i64> = columns.plain()?;
    let since = columns.time_if_any()?;
    match (kind.as_str(), digest, pepper, salt, turn.map(u64::try_from), since) {
        ("cookie", Some(digest), None, None, None, None) => {
            Ok(SessionCredential::Cookie(TokenHash::from_bytes(digest)))
        }
        ("access", None, None, None, None, None) => Ok(SessionCredential::AccessOnly),
        ("refresh", None, Some(pepper), Some(salt), Some(Ok(turn)), Some(since)) => {
            Ok(SessionCredential::Refresh {
                pepper: RefreshTokenKeyId::from_bytes(pepper),
                salt: Salt::from_bytes(salt),
                turn,
                since,
            })
        }
        _ => Err(columns.unfit(Type::Text)),
    }
}

/// Inserts a session, unless the id is taken, or its user or client is unknown. Nothing is ever overwritten.
pub(crate) fn insert(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    let inserted = write(
        connection,
        "INSERT INTO sessions (id, user, client, stub, digest, pepper, salt, turn, since, authenticated_at,
                               amr, seen_at, idle, expires_at, pos, scope, ip, user_agent, label, ended_at,
                               ended_cause, revision, look_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21, ?22, ?23)
         ON CONFLICT DO NOTHING",
        session,
    );
    match inserted {
        Err(error) if error_class::is_dangling(&error) => Ok(false),
        other => other,
    }
}

/// Puts a session in the place of its predecessor, unless somebody was faster or that has ended.
pub(crate) fn swap(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    write(
        connection,
        // What never changes is compared and not set: a column that is set has its rows in indexes written anew
        // and its foreign keys looked up, whatever its value. The column `look_at` keeps its value: see there.
        // ?23 is named so that both statements take the same; with a + no index is looked for.
        "UPDATE sessions
         SET stub = ?4, digest = ?5, pepper = ?6, salt = ?7, turn = ?8, since = ?9, seen_at = ?12, idle = ?13,
             expires_at = ?14, pos = ?15, scope = ?16, ip = ?17, user_agent = ?18, label = ?19,
             ended_at = ?20, ended_cause = ?21, revision = ?22
         WHERE id = ?1 AND revision = ?22 - 1 AND ended_at IS NULL
           AND +user = ?2 AND +client = ?3 AND +authenticated_at = ?10 AND +amr = ?11 AND ?23 IS NOT NULL",
        session,
    )
}

fn write(connection: &Connection, sql: &str, session: &Session) -> rusqlite::Result<bool> {
    let stub = StubColumns::of(&session.stub);
    let written = connection.prepare_cached(sql)?.execute(params![
        session.id.as_bytes(),
        session.user.as_bytes(),
        session.client.as_str(),
        stub.kind,
        stub.digest,
        stub.pepper,
        stub.salt,
        stub.turn,
        stub.since,
        time(session.authenticated_at),
        list(&session.amr)?,
        time(session.seen_at),
        duration(session.idle),
        time(session.expires_at),
        Number(session.pos.number()),
        session.scope,
        session.from.ip.as_ref().map(IpAddr::to_string),
        session.from.user_agent,
        session.label,
        session.ended.map(|ended| time(ended.at)),
        session.ended.map(|ended| ended.cause.as_str()),
        Number(session.revision),
        time(session.ends_at() + KEPT_AFTER_THE_END),
    ])?;
    Ok(written == 1)
}

/// Writes down that a session was used, unless it has ended or was used later. Its revision rises, so that
/// whoever has read it before can't put the old time back.
pub(crate) fn note_use(connection: &Connection, used: &LastSeen) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE sessions SET seen_at = ?2, revision = revision + 1
             WHERE id = ?1 AND seen_at < ?2 AND ended_at IS NULL",
        )?
        .execute(params![used.session.as_bytes(), time(used.at)])?;
    Ok(())
}

/// What is torn off, spread over its columns.
struct StubColumns<'s> {
    kind: &'static str,
    digest: Option<&'s [u8; 32]>,
    pepper: Option<&'s [u8; 8]>,
    salt: Option<&'s [u8; 16]>,
    turn: Option<Number>,
    since: Option<i64>,
}

impl<'s> StubColumns<'s> {
    fn of(stub: &'s SessionCredential) -> Self {
        let nothing =
            Self { kind: "access", digest: None, pepper: None, salt: None, turn: None, since: None };
        match stub {
            SessionCredential::AccessOnly => nothing,
            SessionCredential::Cookie(digest) => {
                Self { kind: "cookie", digest: Some(digest.as_bytes()), ..nothing }
            }
            SessionCredential::Refresh { pepper, salt, turn, since } => Self {
                kind: "refresh",
                pepper: Some(pepper.as_bytes()),
                salt: Some(salt.as_bytes()),
                turn: Some(Number(*turn)),
                since: Some(time(*since)),
                ..nothing
            },
        }
    }
}

/// Whether the session is live at `now`.
pub(crate) fn is_live(connection: &Connection, id: SessionId, now: Time) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM sessions
             WHERE id = ?1 AND ended_at IS NULL AND expires_at > ?2 AND seen_at + idle > ?2",
        )?
        .exists(params![id.as_bytes(), time(now)])
}

/// Whether the session has not been ended and lies below no mark.
pub(crate) fn stands(connection: &Connection, id: SessionId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM sessions
             WHERE id = ?1 AND ended_at IS NULL
               AND pos >= (SELECT not_before FROM users WHERE id = sessions.user)
               AND pos >= (SELECT not_before FROM clients WHERE id = sessions.client)
               AND pos >= (SELECT not_before FROM log_head WHERE one = 1)",
        )?
        .exists([id.as_bytes()])
}

/// The sessions of `user` that have not been ended and lie below no mark.
pub(crate) fn standing_of(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(
            "SELECT id FROM sessions
             WHERE user = ?1 AND ended_at IS NULL
               AND pos >= (SELECT not_before FROM users WHERE id = sessions.user)
               AND pos >= (SELECT not_before FROM clients WHERE id = sessions.client)
               AND pos >= (SELECT not_before FROM log_head WHERE one = 1)",
        )?
        .query_map([user.as_bytes()], |row| row.get(0).map(SessionId::from_bytes))?
        .collect()
}

/// The cookie sessions of anybody that have not been ended and lie below no mark.
pub(crate) fn standing_cookies(connection: &Connection) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(
            "SELECT id FROM sessions
             WHERE stub = 'cookie' AND ended_at IS NULL
               AND pos >= (SELECT not_before FROM users WHERE id = sessions.user)
               AND pos >= (SELECT not_before FROM clients WHERE id = sessions.client)
               AND pos >= (SELECT not_before FROM log_head WHERE one = 1)",
        )?
        .query_map([], |row| row.get(0).map(SessionId::from_bytes))?
        .collect()
}

/// Whose a session is, and through which client it was opened.
pub(crate) fn parties(connection: &Connection, id: SessionId) -> rusqlite::Result<(UserId, ClientId)> {
    connection.prepare_cached("SELECT user, client FROM sessions WHERE id = ?1")?.query_row(
        [id.as_bytes()],
        |row| {
            let mut columns = Columns::of(row);
            Ok((UserId::from_bytes(columns.bytes()?), columns.name()?))
        },
    )
}

/// Ends the live sessions of `user` but `except` and the `keep` newest of the others; says which.
pub(crate) fn end_oldest_of(
    connection: &Connection,
    user: UserId,
    except: SessionId,
    keep: u32,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?4, ended_cause = ?5, revision = revision + 1
             WHERE id IN (
                 SELECT id FROM sessions
                 WHERE user = ?1 AND id <> ?2 AND ended_at IS NULL AND expires_at > ?4 AND seen_at + idle > ?4
                   AND pos >= (SELECT not_before FROM users WHERE id = sessions.user)
                   AND pos >= (SELECT not_before FROM clients WHERE id = sessions.client)
                   AND pos >= (SELECT not_before FROM log_head WHERE one = 1)
                 ORDER BY authenticated_at DESC, id DESC
                 LIMIT -1 OFFSET ?3)
             RETURNING id",
        )?
        .query_map(
            params![user.as_bytes(), except.as_bytes(), keep, time(ended.at), ended.cause.as_str()],
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect()
}

/// Drops every session of `user`, and with each its data.
pub(crate) fn remove_all_of(connection: &Connection, user: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM sessions WHERE user = ?1")?.execute([user.as_bytes()])?;
    Ok(())
}

/// Ends a session; `false` if it had ended, or there is none. Its revision rises, so that whoever has read
/// it before can't put it back.
pub(crate) fn end(connection: &Connection, id: SessionId, ended: SessionEnd) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?2, ended_cause = ?3, revision = revision + 1
             WHERE id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![id.as_bytes(), time(ended.at), ended.cause.as_str()])?;
    Ok(changed == 1)
}

/// Ends every session of `user` that has not ended, but `except`; says which.
pub(crate) fn end_all_of(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
    ended: SessionEnd,
) -> rusqlite::Result<Vec<SessionId>> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?3, ended_cause = ?4, revision = revision + 1
             WHERE user = ?1 AND ended_at IS NULL AND id IS NOT ?2
             RETURNING id",
        )?
        .query_map(
            params![
                user.as_bytes(),
                except.as_ref().map(|id| id.as_bytes() as &dyn ToSql),
                time(ended.at),
                ended.cause.as_str()
            ],
            |row| row.get(0).map(SessionId::from_bytes),
        )?
        .collect()
}

/// Sets the position by which the session was judged. Its revision rises: whoever has read the session
/// before would put the old position back.
pub(crate) fn restamp(
    connection: &Connection,
    id: SessionId,
    pos: RevocationPosition,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE sessions SET pos = ?2, revision = revision + 1 WHERE id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![id.as_bytes(), Number(pos.number())])?;
    Ok(())
}
