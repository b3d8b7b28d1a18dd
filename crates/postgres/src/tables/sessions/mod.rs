//! The table `sessions`: lookups. The other statements are in the modules below.

pub(crate) mod end;
pub(crate) mod position;
pub(crate) mod row;

use tokio_postgres::Row;

use counterfoil_core::model::session::Session;
use counterfoil_core::store::{
    Page, PortionCount, Scan, SessionContext, SessionCursor, SessionQuery, SessionsByMode,
};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId, UserId};

use super::clients::{client_columns, read_client};
use super::columns::{Columns, Text, unix_ms};
use super::users::{read_user, user_columns};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required_row, statement};
use row::{mode_of, read_session, session_columns};

/// The SQL condition that a session has neither ended nor expired at the time in the parameter `$now`. A sum could be
/// larger than a column can hold; a difference cannot.
macro_rules! active_at {
    ($now:literal) => {
        concat!("ended_at IS NULL AND expires_at > ", $now, " AND last_seen_at > ", $now, " - idle_timeout")
    };
}
pub(super) use active_at;

/// The SQL condition that no cutoff revokes a session: not that of its user, its client or the installation.
macro_rules! not_below_a_cutoff {
    () => {
        "position >= (SELECT cutoff FROM users WHERE id = sessions.user_id)
         AND position >= (SELECT cutoff FROM clients WHERE id = sessions.client_id)
         AND position >= (SELECT cutoff FROM revocation_log_head)"
    };
}
pub(super) use not_below_a_cutoff;

/// The SQL condition that the user of a session was not removed. It names the users who were not: their row is found by its id,
/// however many were removed.
macro_rules! user_exists {
    ($session_user:literal) => {
        concat!("EXISTS (SELECT 1 FROM users WHERE id = ", $session_user, " AND NOT removed)")
    };
}
pub(super) use user_exists;

/// The session `id`, whether or not it has ended. A removed user has no sessions.
pub(crate) async fn find(connection: &Connection, id: SessionId) -> Result<Option<Session>, QueryError> {
    let select = statement!(
        concat!(
            "SELECT ",
            session_columns!(""),
            " FROM sessions WHERE id = $1 AND ",
            user_exists!("sessions.user_id")
        ),
        id.as_bytes().as_slice()
    );
    select.query_opt(connection).await?.as_ref().map(read).transpose()
}

/// The session `id` with its user, its client and the head of the revocation log. One statement, so one
/// snapshot.
pub(crate) async fn find_context(
    connection: &Connection,
    id: SessionId,
) -> Result<Option<SessionContext>, QueryError> {
    let select = statement!(
        concat!(
            "SELECT ",
            session_columns!("s."),
            ", ",
            user_columns!("u."),
            ", ",
            client_columns!("c."),
            ", h.cutoff, h.last_position
             FROM sessions s
             JOIN users u ON u.id = s.user_id AND NOT u.removed
             JOIN clients c ON c.id = s.client_id
             CROSS JOIN revocation_log_head h
             WHERE s.id = $1",
        ),
        id.as_bytes().as_slice()
    );
    let Some(row) = select.query_opt(connection).await? else { return Ok(None) };
    let mut columns = Columns::new(&row);
    Ok(Some(SessionContext {
        session: read_session(&mut columns)?,
        user: read_user(&mut columns)?,
        client: read_client(&mut columns)?,
        global_cutoff: columns.position()?,
        revocation_log_head: columns.position()?,
    }))
}

/// The active sessions of `user`, the newest first. Sessions below a cutoff are revoked, so they are left
/// out.
pub(crate) async fn page_of_user(
    connection: &Connection,
    user: UserId,
    page: Page<SessionCursor>,
    now: Time,
) -> Result<Vec<Session>, QueryError> {
    let (authenticated_at, id) = first_or_after(&page);
    let select = statement!(
        concat!(
            "SELECT ",
            session_columns!(""),
            " FROM sessions
             WHERE user_id = $1 AND (authenticated_at, id) < ($3, $4) AND ",
            active_at!("$2"),
            " AND ",
            not_below_a_cutoff!(),
            " ORDER BY authenticated_at DESC, id DESC LIMIT $5",
        ),
        user.as_bytes().as_slice(),
        unix_ms(now),
        authenticated_at,
        id.as_slice(),
        i64::from(page.limit)
    );
    select.query(connection).await?.iter().map(read).collect()
}

/// The position before the page. The first page starts at the latest possible time and the highest possible id.
fn first_or_after(page: &Page<SessionCursor>) -> (i64, [u8; 16]) {
    page.after.map_or((i64::MAX, [u8::MAX; 16]), |at| (unix_ms(at.authenticated_at), *at.id.as_bytes()))
}

/// The most sessions that one read of a list visits. Of each it reads the cutoffs of the user and the client.
const MAX_VISITED: u32 = 400;

/// The statement that visits the sessions that have not ended, the newest first, with whether each is live at `$1`.
macro_rules! visit_sessions {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            session_columns!(""),
            ", ",
            active_at!("$1"),
            " AND ",
            not_below_a_cutoff!(),
            " FROM sessions WHERE ended_at IS NULL AND ",
            $condition,
            " AND (authenticated_at, id) < ($3, $4) ORDER BY authenticated_at DESC, id DESC LIMIT $5"
        )
    };
}

/// The live sessions that match `query`, the newest first.
pub(crate) async fn scan(
    connection: &Connection,
    query: &SessionQuery,
    page: Page<SessionCursor>,
    now: Time,
) -> Result<Scan<Session, SessionCursor>, QueryError> {
    let (authenticated_at, id) = first_or_after(&page);
    let sql = match query.user {
        Some(_) => visit_sessions!("user_id = $2"),
        None => visit_sessions!("$2::bytea IS NULL"),
    };
    let user = query.user.as_ref().map(|user| user.as_bytes().as_slice());
    let visited =
        statement!(sql, unix_ms(now), user, authenticated_at, id.as_slice(), i64::from(MAX_VISITED));
    let (mut found, mut count) = (Scan { rows: Vec::new(), next: None }, 0);
    for row in visited.query(connection).await? {
        let mut columns = Columns::new(&row);
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

/// Selects those of these sessions that no cutoff revokes; [`read`] reads a row.
pub(crate) fn select_above_cutoffs<'p>(ids: &[Vec<u8>]) -> Statement<'p> {
    statement!(
        concat!(
            "SELECT ",
            session_columns!(""),
            " FROM sessions WHERE id = ANY ($1) AND ",
            not_below_a_cutoff!()
        ),
        ids.to_vec()
    )
}

/// The session in a row of [`select_above_cutoffs`].
pub(crate) fn read(row: &Row) -> Result<Session, QueryError> {
    read_session(&mut Columns::new(row))
}

/// Requires a session that has neither ended nor expired at `now`.
pub(crate) fn require_active<'p>(id: SessionId, now: Time) -> Statement<'p> {
    statement!(
        required_row!(
            "SELECT 1 FROM sessions WHERE id = $1 AND ",
            active_at!("$2"),
            " AND ",
            user_exists!("sessions.user_id")
        ),
        id.as_bytes().to_vec(),
        unix_ms(now)
    )
}

/// How many sessions are active: those of a client, or all.
pub(crate) async fn count_active(
    connection: &Connection,
    client: Option<&ClientId>,
    now: Time,
) -> Result<u64, QueryError> {
    let select = statement!(
        concat!(
            "SELECT count(*) FROM sessions WHERE ($2::text IS NULL OR client_id = $2) AND ",
            active_at!("$1"),
            " AND ",
            not_below_a_cutoff!(),
            " AND ",
            user_exists!("sessions.user_id")
        ),
        unix_ms(now),
        client.map(|id| Text(id.as_str()))
    );
    Columns::new(&select.query_one(connection).await?).unsigned()
}

/// How many sessions are active, by mode, among the next `portion.limit` that have not ended, the newest first.
pub(crate) async fn count_by_mode(
    connection: &Connection,
    portion: Page<SessionCursor>,
    now: Time,
) -> Result<PortionCount<SessionsByMode, SessionCursor>, QueryError> {
    let (authenticated_at, id) = first_or_after(&portion);
    let select = statement!(
        concat!(
            "SELECT credential, authenticated_at, id, ",
            active_at!("$1"),
            " AND ",
            not_below_a_cutoff!(),
            " FROM sessions WHERE ended_at IS NULL AND (authenticated_at, id) < ($2, $3)
             ORDER BY authenticated_at DESC, id DESC LIMIT $4"
        ),
        unix_ms(now),
        authenticated_at,
        id.as_slice(),
        i64::from(portion.limit)
    );
    let rows = select.query(connection).await?;
    let (mut count, mut last) = (SessionsByMode::default(), None);
    for row in &rows {
        let mut columns = Columns::new(row);
        let kind: String = columns.value()?;
        let mode = mode_of(&kind).ok_or_else(|| columns.invalid())?;
        last = Some(SessionCursor {
            authenticated_at: columns.time()?,
            id: SessionId::from_bytes(columns.bytes()?),
        });
        if columns.value()? {
            count.add(mode);
        }
    }
    Ok(PortionCount { count, next: last.filter(|_| rows.len() == portion.limit as usize) })
}

/// Whether `user` has a session that has not ended, other than `except`. Expired ones count.
pub(crate) async fn has_unended(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
) -> Result<bool, QueryError> {
    let select = statement!(
        "SELECT 1 FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2 LIMIT 1",
        user.as_bytes().as_slice(),
        except.map(|id| id.as_bytes().to_vec())
    );
    select.exists(connection).await
}
