//! Sealed keys: their table, row by row.

use rusqlite::{Connection, Row, params};

use counterfoil_core::model::key::{KeyPurpose, KeyRecord, KeyState};

use crate::row::{Columns, Number, time};

/// Every key, the oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeyRecord>> {
    connection
        .prepare_cached(
            "SELECT id, purpose, algorithm, sealed, state, created_at, changed_at, used_from, revision
             FROM keys ORDER BY created_at, id",
        )?
        .query_map([], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let mut columns = Columns::of(row);
    Ok(KeyRecord {
        id: columns.name()?,
        purpose: columns.word(KeyPurpose::from_word)?,
        algorithm: columns.plain()?,
        sealed: columns.plain()?,
        state: columns.word(KeyState::from_word)?,
        created_at: columns.time()?,
        changed_at: columns.time()?,
        used_from: columns.time_if_any()?,
        revision: columns.number()?,
    })
}

/// Inserts a key, unless the id is taken.
pub(crate) fn insert(connection: &Connection, key: &KeyRecord) -> rusqlite::Result<bool> {
    write(
        connection,
        "INSERT INTO keys (id, purpose, algorithm, sealed, state, created_at, changed_at, used_from, revision)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT DO NOTHING",
        key,
    )
}

/// Puts a key in the place of its predecessor, unless somebody was faster.
pub(crate) fn swap(connection: &Connection, key: &KeyRecord) -> rusqlite::Result<bool> {
    write(
        connection,
        "UPDATE keys
         SET purpose = ?2, algorithm = ?3, sealed = ?4, state = ?5, created_at = ?6, changed_at = ?7,
             used_from = ?8, revision = ?9
         WHERE id = ?1 AND revision = ?9 - 1",
        key,
    )
}

fn write(connection: &Connection, sql: &str, key: &KeyRecord) -> rusqlite::Result<bool> {
    let written = connection.prepare_cached(sql)?.execute(params![
        key.id.as_str(),
        key.purpose.as_str(),
        key.algorithm,
        key.sealed,
        key.state.as_str(),
        time(key.created_at),
        time(key.changed_at),
        key.used_from.map(time),
        Number(key.revision),
    ])?;
    Ok(written == 1)
}
