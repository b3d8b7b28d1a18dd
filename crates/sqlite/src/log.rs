//! The log of revocations: positions, entries, the head.

use rusqlite::{Connection, params};

use counterfoil_core::model::session::EndReason;
use counterfoil_core::store::RevocationLogPage;
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationLogId, RevocationPosition, RevocationSubject};

use crate::row::{Columns, Number, time};

/// The head of the log.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<RevocationPosition> {
    connection
        .prepare_cached("SELECT last FROM log_head WHERE one = 1")?
        .query_row([], |row| Columns::of(row).position())
}

/// Which log it is.
pub(crate) fn id(connection: &Connection) -> rusqlite::Result<RevocationLogId> {
    connection
        .prepare_cached("SELECT id FROM log_head WHERE one = 1")?
        .query_row([], |row| row.get(0).map(RevocationLogId::from_bytes))
}

/// Begins another log, whose positions lie above `after` and above all of the former one.
pub(crate) fn begin(
    connection: &Connection,
    id: RevocationLogId,
    after: RevocationPosition,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE log_head SET id = ?1, last = max(last, ?2) WHERE one = 1")?
        .execute(params![id.as_bytes(), Number(after.number())])?;
    Ok(())
}

/// Every entry after `after`, with the head. One statement, so one snapshot: no entry at or below the head
/// is missing.
pub(crate) fn after(
    connection: &Connection,
    after: RevocationPosition,
) -> rusqlite::Result<RevocationLogPage> {
    let mut page = RevocationLogPage::default();
    let mut statement = connection.prepare_cached(
        "SELECT h.last, l.position, l.subject, l.until
         FROM log_head h LEFT JOIN log l ON l.position > ?1
         WHERE h.one = 1
         ORDER BY l.position",
    )?;
    // A position that no column can hold is one that nothing stands behind.
    let mut rows = statement.query([i64::try_from(after.number()).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        page.head = columns.position()?;
        if let Some(position) = columns.plain::<Option<i64>>()? {
            let position =
                u64::try_from(position).map_err(|_| columns.unfit(rusqlite::types::Type::Integer))?;
            page.entries.push(RevocationEntry {
                position: RevocationPosition::new(position),
                subject: columns.name()?,
                until: columns.time_if_any()?,
            });
        }
    }
    Ok(page)
}

/// An entry that has no position yet.
pub(crate) struct Unplaced {
    pub(crate) subject: RevocationSubject,
    pub(crate) cause: EndReason,
    pub(crate) at: Time,
    pub(crate) until: Option<Time>,
}

/// Draws `count` positions, none of them below `at` in Unix milliseconds, and tells the first.
///
/// This is to be the last thing that a commit draws. Only one transaction writes at a time, and it is
/// committed before the next begins, so the order of positions is the order of commits. A clock that was set
/// back changes nothing of that: `last` only rises.
pub(crate) fn draw(connection: &Connection, count: u64, at: Time) -> rusqlite::Result<RevocationPosition> {
    let last: i64 = connection
        .prepare_cached(
            "UPDATE log_head SET last = max(last + ?1, ?2 + ?1 - 1) WHERE one = 1 RETURNING last",
        )?
        .query_row(params![Number(count), time(at)], |row| row.get(0))?;
    let last = u64::try_from(last).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, last))?;
    Ok(RevocationPosition::new(last - (count - 1)))
}

/// Appends entries at the positions from `first` on.
pub(crate) fn append(
    connection: &Connection,
    first: RevocationPosition,
    unplaced: Vec<Unplaced>,
) -> rusqlite::Result<Vec<RevocationEntry>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO log (position, subject, cause, at, until) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    (first.number()..)
        .zip(unplaced)
        .map(|(position, entry)| {
            let Unplaced { subject, cause, at, until } = entry;
            statement.execute(params![
                Number(position),
                subject.to_string(),
                cause.as_str(),
                time(at),
                until.map(time)
            ])?;
            Ok(RevocationEntry { position: RevocationPosition::new(position), subject, until })
        })
        .collect()
}

/// Raises the mark of the whole installation to `position`.
pub(crate) fn raise_not_before(
    connection: &Connection,
    position: RevocationPosition,
) -> rusqlite::Result<bool> {
    let raised = connection
        .prepare_cached("UPDATE log_head SET not_before = max(not_before, ?1) WHERE one = 1")?
        .execute([Number(position.number())])?;
    Ok(raised == 1)
}
