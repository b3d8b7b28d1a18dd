//! The tables `revocation_log` and `revocation_log_head`: entries, their positions, and the head.

use std::collections::HashMap;
use std::num::NonZeroU32;

use tokio_postgres::Row;

use counterfoil_core::store::{NewRevocation, RevocationLogPage};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationLogId, RevocationPosition};

use super::columns::{Columns, position, unix_ms, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, statement};

/// Reads the last position of the revocation log; [`read_head`] reads the row.
pub(crate) fn select_head<'p>() -> Statement<'p> {
    statement!("SELECT last_position FROM revocation_log_head")
}

/// The position that [`select_head`] or [`append`] returns.
pub(crate) fn read_head(rows: &[Row]) -> Result<RevocationPosition, QueryError> {
    let row = rows.first().ok_or(QueryError::InvalidValue("the head of the revocation log is missing"))?;
    Columns::new(row).position()
}

/// The last position of the revocation log.
pub(crate) async fn head(connection: &Connection) -> Result<RevocationPosition, QueryError> {
    read_head(&select_head().query(connection).await?)
}

/// The id of the revocation log.
pub(crate) async fn id(connection: &Connection) -> Result<RevocationLogId, QueryError> {
    let row = statement!("SELECT log_id FROM revocation_log_head").query_one(connection).await?;
    Columns::new(&row).bytes().map(RevocationLogId::from_bytes)
}

/// Starts a new revocation log: every later position is above `after` and above all positions of the former
/// log.
pub(crate) fn start<'p>(id: RevocationLogId, after: RevocationPosition) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        "UPDATE revocation_log_head SET log_id = $1, last_position = greatest(last_position, $2) WHERE single_row",
        id.as_bytes().to_vec(),
        position(after)?
    ))
}

/// The first `limit` entries after `after`, with the head. One statement, so one snapshot: no entry of the
/// page is missing.
pub(crate) async fn entries_after(
    connection: &Connection,
    after: RevocationPosition,
    limit: NonZeroU32,
) -> Result<RevocationLogPage, QueryError> {
    let select = statement!(
        "SELECT h.last_position, l.position, l.subject, l.expires_at
         FROM revocation_log_head h
         LEFT JOIN LATERAL (SELECT position, subject, expires_at FROM revocation_log WHERE position > $1
                            ORDER BY position LIMIT $2) l ON true
         ORDER BY l.position",
        // No entry has a position that a column cannot hold.
        i64::try_from(after.number()).unwrap_or(i64::MAX),
        // One row more than the page has shows whether another page follows.
        i64::from(limit.get()) + 1
    );
    let mut page = RevocationLogPage::default();
    for row in select.query(connection).await? {
        let mut columns = Columns::new(&row);
        page.head = columns.position()?;
        if page.entries.len() as u64 == u64::from(limit.get()) {
            page.next = page.entries.last().map(|entry| entry.position);
        } else if let Some(position) = columns.optional_unsigned()? {
            page.entries.push(RevocationEntry {
                position: RevocationPosition::new(position),
                subject: columns.parsed()?,
                until: columns.optional_time()?,
            });
        }
    }
    Ok(page)
}

/// What [`select_news`] returns.
pub(crate) struct LogNews {
    /// The id of the log.
    pub(crate) log: RevocationLogId,
    /// Its head.
    pub(crate) head: RevocationPosition,
    /// The wall clock of the server.
    pub(crate) clock: Time,
    /// The entries.
    pub(crate) entries: Vec<RevocationEntry>,
}

/// The most entries, and the most changes, that a renewal reads: so many are read well within the time limit of a statement.
pub(crate) const MAX_NEWS: u32 = 20_000;

/// Reads the id of the log, its head and the next entries after `after`, from one snapshot; [`read_news`] reads the rows.
pub(crate) fn select_news<'p>(after: RevocationPosition) -> Statement<'p> {
    statement!(
        "SELECT h.log_id, h.last_position, (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                l.position, l.subject, l.expires_at
         FROM revocation_log_head h LEFT JOIN LATERAL
             (SELECT position, subject, expires_at FROM revocation_log WHERE position > $1 ORDER BY position LIMIT $2) l ON true
         ORDER BY l.position",
        i64::try_from(after.number()).unwrap_or(i64::MAX),
        i64::from(MAX_NEWS)
    )
}

/// Reads the rows of [`select_news`].
pub(crate) fn read_news(rows: &[Row]) -> Result<LogNews, QueryError> {
    let (mut first, mut entries) = (None, Vec::new());
    for row in rows {
        let mut columns = Columns::new(row);
        let log = RevocationLogId::from_bytes(columns.bytes()?);
        first = Some((log, columns.position()?, columns.time()?));
        if let Some(position) = columns.optional_unsigned()? {
            entries.push(RevocationEntry {
                position: RevocationPosition::new(position),
                subject: columns.parsed()?,
                until: columns.optional_time()?,
            });
        }
    }
    let missing = QueryError::InvalidValue("the head of the revocation log is missing");
    let (log, head, clock) = first.ok_or(missing)?;
    Ok(LogNews { log, head, clock, entries })
}

/// Takes the next `count` positions, none of them below `at` in Unix milliseconds, and appends the entries at the first of
/// them, in their order; [`read_head`] reads the last one.
///
/// It must be the last value that a commit takes. The lock of the row lasts until the commit has ended, so positions are
/// in commit order. A clock that was set back does not change that: `last_position` only rises.
pub(crate) fn append<'p>(
    count: u64,
    at: Time,
    entries: &[NewRevocation],
) -> Result<Statement<'p>, QueryError> {
    let index = |entry: &NewRevocation| entry.status_index.map(|index| unsigned(index.number())).transpose();
    let indexes: Vec<Option<i64>> = entries.iter().map(index).collect::<Result<_, _>>()?;
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject.to_string()).collect();
    let reasons: Vec<_> = entries.iter().map(|entry| entry.reason.as_str()).collect();
    let times: Vec<_> = entries.iter().map(|entry| unix_ms(entry.at)).collect();
    let expiries: Vec<_> = entries.iter().map(|entry| entry.remember_until.map(unix_ms)).collect();
    Ok(statement!(
        "WITH taken AS (
             UPDATE revocation_log_head SET last_position = greatest(last_position + $1, $2 + $1 - 1) WHERE single_row
             RETURNING last_position
         ), appended AS (
             INSERT INTO revocation_log (position, subject, reason, revoked_at, expires_at, status_index)
             SELECT last_position - $1 + number, subject, reason, revoked_at, expires_at, status_index
             FROM taken, unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) WITH ORDINALITY
                 AS entry (subject, reason, revoked_at, expires_at, status_index, number)
         )
         SELECT (SELECT last_position FROM taken), require_row(EXISTS (SELECT FROM taken))",
        unsigned(count)?,
        unix_ms(at),
        subjects,
        reasons,
        times,
        expiries,
        indexes
    ))
}

/// The last position of each of these entries that is in the log, by its subject.
pub(crate) async fn positions_of(
    connection: &Connection,
    entries: &[NewRevocation],
) -> Result<HashMap<String, RevocationPosition>, QueryError> {
    // No entry has a position that is lower than its time.
    let first = entries.iter().map(|entry| unix_ms(entry.at)).max().unwrap_or_default();
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject.to_string()).collect();
    let rows = statement!(
        "SELECT subject, max(position) FROM revocation_log WHERE position >= $1 AND subject = ANY ($2) GROUP BY subject",
        first,
        subjects
    )
    .query(connection)
    .await?;
    let read = |row| {
        let mut columns = Columns::new(row);
        Ok((columns.value::<&str>()?.to_owned(), columns.position()?))
    };
    rows.iter().map(read).collect()
}

/// Raises the cutoff of the whole installation.
pub(crate) fn raise_cutoff<'p>(to: RevocationPosition) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        required!("UPDATE revocation_log_head SET cutoff = greatest(cutoff, $1) WHERE single_row"),
        position(to)?
    ))
}
