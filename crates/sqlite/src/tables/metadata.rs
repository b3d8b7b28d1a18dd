//! The table `metadata`: values of the installation itself, by name.

use rusqlite::{Connection, OptionalExtension, params};

use counterfoil_core::store::MAX_METADATA;

/// The value of `key`.
pub(crate) fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM metadata WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// The values whose keys begin with `prefix`, with their keys.
pub(crate) fn find_with_prefix(
    connection: &Connection,
    prefix: &str,
) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    connection
        .prepare_cached(
            "SELECT key, value FROM metadata WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1
             ORDER BY key LIMIT ?2",
        )?
        .query_map(params![prefix, MAX_METADATA], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
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

/// Removes the value of `key`.
pub(crate) fn remove(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM metadata WHERE key = ?1")?.execute([key]).map(drop)
}
