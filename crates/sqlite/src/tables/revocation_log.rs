//! The tables `revocation_log` and `revocation_log_head`: entries, their positions, and the head.

use std::num::NonZeroU32;

use rusqlite::{Connection, params};

use counterfoil_core::store::{NewRevocation, RevocationLogPage};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationLogId, RevocationPosition};

use super::columns::{Columns, Unsigned, unix_ms};

/// The last position of the revocation log.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<RevocationPosition> {
    connection
        .prepare_cached("SELECT last_position FROM revocation_log_head WHERE single_row = 1")?
        .query_row([], |row| Columns::new(row).position())
}

/// The id of the revocation log.
pub(crate) fn id(connection: &Connection) -> rusqlite::Result<RevocationLogId> {
    connection
        .prepare_cached("SELECT log_id FROM revocation_log_head WHERE single_row = 1")?
        .query_row([], |row| row.get(0).map(RevocationLogId::from_bytes))
}

/// Starts a new revocation log: every later position is above `after` and above all positions of the former
/// log.
pub(crate) fn start(
    connection: &Connection,
    id: RevocationLogId,
    after: RevocationPosition,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE revocation_log_head SET log_id = ?1, last_position = max(last_position, ?2)
             WHERE single_row = 1",
        )?
        .execute(params![id.as_bytes(), Unsigned(after.number())])?;
    Ok(())
}

/// The first `limit` entries after `after`, with the head. One statement, so one snapshot: no entry of the
/// page is missing.
pub(crate) fn entries_after(
    connection: &Connection,
    after: RevocationPosition,
    limit: NonZeroU32,
) -> rusqlite::Result<RevocationLogPage> {
    let mut page = RevocationLogPage::default();
    let mut statement = connection.prepare_cached(
        "SELECT h.last_position, l.position, l.subject, l.expires_at
         FROM revocation_log_head h LEFT JOIN revocation_log l ON l.position > ?1
         WHERE h.single_row = 1
         ORDER BY l.position LIMIT ?2",
    )?;
    // No entry has a position that a column cannot hold. One row more than the page has shows whether another
    // page follows.
    let after = i64::try_from(after.number()).unwrap_or(i64::MAX);
    let mut rows = statement.query([after, i64::from(limit.get()) + 1])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::new(row);
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

/// Takes the next `count` positions, none of them below `at` in Unix milliseconds, and returns the first.
///
/// It must be the last value that a commit takes. Only one transaction writes at a time and it commits before
/// the next one begins, so positions are in commit order. A clock that was set back does not change that:
/// `last_position` only rises.
pub(crate) fn take_positions(
    connection: &Connection,
    count: u64,
    at: Time,
) -> rusqlite::Result<RevocationPosition> {
    let last: i64 = connection
        .prepare_cached(
            "UPDATE revocation_log_head SET last_position = max(last_position + ?1, ?2 + ?1 - 1)
             WHERE single_row = 1
             RETURNING last_position",
        )?
        .query_row(params![Unsigned(count), unix_ms(at)], |row| row.get(0))?;
    let last = u64::try_from(last).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, last))?;
    Ok(RevocationPosition::new(last - (count - 1)))
}

/// Appends entries at the positions from `first` on.
pub(crate) fn append(
    connection: &Connection,
    first: RevocationPosition,
    entries: Vec<NewRevocation>,
) -> rusqlite::Result<Vec<RevocationEntry>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO revocation_log (position, subject, reason, revoked_at, expires_at, status_index)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    (first.number()..)
        .zip(entries)
        .map(|(position, entry)| {
            let NewRevocation { subject, reason, at, remember_until, status_index } = entry;
            statement.execute(params![
                Unsigned(position),
                subject.to_string(),
                reason.as_str(),
                unix_ms(at),
                remember_until.map(unix_ms),
                status_index.map(|index| Unsigned(index.number()))
            ])?;
            Ok(RevocationEntry {
                position: RevocationPosition::new(position),
                subject,
                until: remember_until,
            })
        })
        .collect()
}

/// Raises the cutoff of the whole installation to `position`.
pub(crate) fn raise_cutoff(connection: &Connection, position: RevocationPosition) -> rusqlite::Result<bool> {
    let raised = connection
        .prepare_cached("UPDATE revocation_log_head SET cutoff = max(cutoff, ?1) WHERE single_row = 1")?
        .execute([Unsigned(position.number())])?;
    Ok(raised == 1)
}
