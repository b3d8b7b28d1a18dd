//! The table `sessions`: lookups. The other statements are in the modules below.

pub(crate) mod end;
pub(crate) mod position;
pub(crate) mod row;

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::model::session::Session;
use counterfoil_core::store::{
    Page, PortionCount, Scan, SessionContext, SessionCursor, SessionQuery, SessionsByMode,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId, UserId};

use super::clients::{client_columns, read_client};
use super::columns::{Columns, unix_ms};
use super::users::{read_user, user_columns};
use row::{mode_of, read_session, session_columns};

/// The SQL condition that a session has neither ended nor expired at the time in the parameter `$now`.
macro_rules! active_at {
    ($now:literal) => {
        concat!("ended_at IS NULL AND expires_at > ", $now, " AND last_seen_at + idle_timeout > ", $now)
    };
}
pub(super) use active_at;

/// The SQL condition that no cutoff revokes a session: not that of its user, its client or the installation.
macro_rules! not_below_a_cutoff {
    () => {
        "position >= (SELECT cutoff FROM users WHERE id = sessions.user_id)
         AND position >= (SELECT cutoff FROM clients WHERE id = sessions.client_id)
         AND position >= (SELECT cutoff FROM revocation_log_head WHERE single_row = 1)"
    };
}
pub(super) use not_below_a_cutoff;

/// The SQL condition that the user of a session was not removed.
macro_rules! user_exists {
    ($session_user:literal) => {
        concat!("NOT EXISTS (SELECT 1 FROM users WHERE id = ", $session_user, " AND removed = 1)")
    };
}
pub(super) use user_exists;

/// The session `id`, whether or not it has ended. A removed user has no sessions.
pub(crate) fn find(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<Session>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            session_columns!(""),
            " FROM sessions WHERE id = ?1 AND ",
            user_exists!("sessions.user_id")
        ))?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// The session `id` with its user, its client and the head of the revocation log. One statement, so one
/// snapshot.
pub(crate) fn find_context(
    connection: &Connection,
    id: SessionId,
) -> rusqlite::Result<Option<SessionContext>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            session_columns!("s."),
            ", ",
            user_columns!("u."),
            ", ",
            client_columns!("c."),
            ", h.cutoff, h.last_position
             FROM sessions s
             JOIN users u ON u.id = s.user_id AND u.removed = 0
             JOIN clients c ON c.id = s.client_id
             JOIN revocation_log_head h ON h.single_row = 1
             WHERE s.id = ?1",
        ))?
        .query_row([id.as_bytes()], |row| {
            let mut columns = Columns::new(row);
            Ok(SessionContext {
                session: read_session(&mut columns)?,
                user: read_user(&mut columns)?,
                client: read_client(&mut columns)?,
                global_cutoff: columns.position()?,
                revocation_log_head: columns.position()?,
            })
        })
        .optional()
}

/// The active sessions of `user`, the newest first. Sessions below a cutoff are revoked, so they are left
/// out.
pub(crate) fn page_of_user(
    connection: &Connection,
    user: UserId,
    page: Page<SessionCursor>,
    now: Time,
) -> rusqlite::Result<Vec<Session>> {
    let (authenticated_at, id) = first_or_after(&page);
    connection
        .prepare_cached(concat!(
            "SELECT ",
            session_columns!(""),
            " FROM sessions INDEXED BY live_sessions_by_user
             WHERE user_id = ?1 AND (authenticated_at, id) < (?3, ?4) AND ",
            active_at!("?2"),
            " AND ",
            not_below_a_cutoff!(),
            " ORDER BY authenticated_at DESC, id DESC LIMIT ?5",
        ))?
        .query_map(params![user.as_bytes(), unix_ms(now), authenticated_at, id, page.limit], read)?
        .collect()
}

/// The most sessions that one read of a list visits. Of each it reads the cutoffs of the user and the client.
const MAX_VISITED: u32 = 400;

/// The statement that visits the sessions that have not ended, the newest first, in the order of this index, with whether
/// each is live at `?1`.
macro_rules! visit_sessions {
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            session_columns!(""),
            ", ",
            active_at!("?1"),
            " AND ",
            not_below_a_cutoff!(),
            " FROM sessions INDEXED BY ",
            $index,
            " WHERE ended_at IS NULL AND ",
            $condition,
            " AND (authenticated_at, id) < (?3, ?4) ORDER BY authenticated_at DESC, id DESC LIMIT ?5"
        )
    };
}

/// The live sessions that match `query`, the newest first.
pub(crate) fn scan(
    connection: &Connection,
    query: &SessionQuery,
    page: Page<SessionCursor>,
    now: Time,
) -> rusqlite::Result<Scan<Session, SessionCursor>> {
    let (authenticated_at, id) = first_or_after(&page);
    let mut statement = connection.prepare_cached(match query.user {
        Some(_) => visit_sessions!("live_sessions_by_user", "user_id = ?2"),
        None => visit_sessions!("live_sessions_by_login", "?2 IS NULL"),
    })?;
    let user = query.user.as_ref().map(UserId::as_bytes);
    let mut visited = statement.query(params![unix_ms(now), user, authenticated_at, id, MAX_VISITED])?;
    let (mut found, mut count) = (Scan { rows: Vec::new(), next: None }, 0);
    while let Some(row) = visited.next()? {
        let mut columns = Columns::new(row);
        let session = read_session(&mut columns)?;
        let is_live: bool = columns.value()?;
        let cursor = SessionCursor { authenticated_at: session.authenticated_at, id: session.id };
        if is_live && query.matches(&session) {
            found.rows.push(session);
        }
        count += 1;
        if count == MAX_VISITED || found.rows.len() >= page.limit as usize {
            found.next = Some(cursor);
            break;
        }
    }
    Ok(found)
}

/// The session `id`, if no cutoff revokes it.
pub(crate) fn find_above_cutoffs(
    connection: &Connection,
    id: SessionId,
) -> rusqlite::Result<Option<Session>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            session_columns!(""),
            " FROM sessions WHERE id = ?1 AND ",
            not_below_a_cutoff!()
        ))?
        .query_row([id.as_bytes()], read)
        .optional()
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    read_session(&mut Columns::new(row))
}

/// Whether a session exists that has neither ended nor expired at `now`.
pub(crate) fn exists_active(connection: &Connection, id: SessionId, now: Time) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(concat!(
            "SELECT 1 FROM sessions WHERE id = ?1 AND ",
            active_at!("?2"),
            " AND ",
            user_exists!("sessions.user_id")
        ))?
        .exists(params![id.as_bytes(), unix_ms(now)])
}

/// How many sessions are active: those of a client, or all.
pub(crate) fn count_active(
    connection: &Connection,
    client: Option<&ClientId>,
    now: Time,
) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(concat!(
            "SELECT count(*) FROM sessions WHERE (?2 IS NULL OR client_id = ?2) AND ",
            active_at!("?1"),
            " AND ",
            not_below_a_cutoff!(),
            " AND ",
            user_exists!("sessions.user_id")
        ))?
        .query_row(params![unix_ms(now), client.map(ClientId::as_str)], |row| {
            row.get(0).map(i64::cast_unsigned)
        })
}

/// How many sessions are active, by mode, among the next `portion.limit` that have not ended, the newest first.
pub(crate) fn count_by_mode(
    connection: &Connection,
    portion: Page<SessionCursor>,
    now: Time,
) -> rusqlite::Result<PortionCount<SessionsByMode, SessionCursor>> {
    let (authenticated_at, id) = first_or_after(&portion);
    let mut statement = connection.prepare_cached(concat!(
        "SELECT credential, authenticated_at, id, ",
        active_at!("?1"),
        " AND ",
        not_below_a_cutoff!(),
        " FROM sessions INDEXED BY live_sessions_by_login
         WHERE ended_at IS NULL AND (authenticated_at, id) < (?2, ?3)
         ORDER BY authenticated_at DESC, id DESC LIMIT ?4"
    ))?;
    let mut visited = statement.query(params![unix_ms(now), authenticated_at, id, portion.limit])?;
    let (mut count, mut visits, mut last) = (SessionsByMode::default(), 0, None);
    while let Some(row) = visited.next()? {
        let mut columns = Columns::new(row);
        let mode = columns.text(mode_of)?;
        last = Some(SessionCursor {
            authenticated_at: columns.time()?,
            id: SessionId::from_bytes(columns.bytes()?),
        });
        if columns.value()? {
            count.add(mode);
        }
        visits += 1;
    }
    Ok(PortionCount { count, next: last.filter(|_| visits == portion.limit) })
}

/// The position before the page. The first page starts at the latest possible time and the highest possible id.
fn first_or_after(page: &Page<SessionCursor>) -> (i64, [u8; 16]) {
    page.after.map_or((i64::MAX, [u8::MAX; 16]), |at| (unix_ms(at.authenticated_at), *at.id.as_bytes()))
}

/// Whether `user` has a session that has not ended, other than `except`. Expired ones count.
pub(crate) fn has_unended(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM sessions INDEXED BY live_sessions_by_user
             WHERE user_id = ?1 AND ended_at IS NULL AND id IS NOT ?2",
        )?
        .exists(params![user.as_bytes(), except.as_ref().map(SessionId::as_bytes)])
}

/// The user and the client of a session.
pub(crate) fn find_user_and_client(
    connection: &Connection,
    id: SessionId,
) -> rusqlite::Result<(UserId, ClientId)> {
    connection.prepare_cached("SELECT user_id, client_id FROM sessions WHERE id = ?1")?.query_row(
        [id.as_bytes()],
        |row| {
            let mut columns = Columns::new(row);
            Ok((UserId::from_bytes(columns.bytes()?), columns.parsed()?))
        },
    )
}
