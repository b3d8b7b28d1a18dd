//! The table `metadata`: values of the installation itself, by name.

use rusqlite::{Connection, OptionalExtension, params};

/// The value of `key`.
pub(crate) fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM metadata WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Sets the value of `key`.
pub(crate) fn set(connection: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO metadata (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}
