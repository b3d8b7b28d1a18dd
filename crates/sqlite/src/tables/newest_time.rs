//! The table `newest_time`: the newest time in any record, below which the clock never starts.

use rusqlite::Connection;

use counterfoil_jose::Time;

use super::columns::{Columns, unix_ms};

/// The newest time in any record, past or present.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Time> {
    connection
        .prepare_cached("SELECT newest_at FROM newest_time WHERE single_row = 1")?
        .query_row([], |row| Columns::new(row).time())
}

/// Raises the newest time to `at`.
pub(crate) fn raise(connection: &Connection, at: Time) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE newest_time SET newest_at = max(newest_at, ?1) WHERE single_row = 1")?
        .execute([unix_ms(at)])?;
    Ok(())
}
