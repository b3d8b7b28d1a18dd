//! The table `keys`: signing keys and refresh token keys, encrypted.

use rusqlite::{Connection, Row, params};

use counterfoil_core::model::key::{KeyPurpose, KeyRecord, KeyState};

use super::columns::{Columns, Unsigned, unix_ms};

/// The columns that [`read`] reads, and the order of the parameters of [`write`].
macro_rules! key_columns {
    () => {
        "id, purpose, algorithm, sealed_key, state, created_at, state_changed_at, activated_at, revision"
    };
}

/// Every key, the oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeyRecord>> {
    connection
        .prepare_cached(concat!("SELECT ", key_columns!(), " FROM keys ORDER BY created_at, id"))?
        .query_map([], read)?
        .collect()
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let mut columns = Columns::new(row);
    Ok(KeyRecord {
        id: columns.parsed()?,
        purpose: columns.text(KeyPurpose::from_name)?,
        algorithm: columns.value()?,
        sealed: columns.value()?,
        state: columns.text(KeyState::from_name)?,
        created_at: columns.time()?,
        changed_at: columns.time()?,
        activated_at: columns.optional_time()?,
        revision: columns.unsigned()?,
    })
}

/// Inserts a key; `false` if the id is taken.
pub(crate) fn insert(connection: &Connection, key: &KeyRecord) -> rusqlite::Result<bool> {
    write(
        connection,
        concat!(
            "INSERT INTO keys (",
            key_columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING"
        ),
        key,
    )
}

/// Replaces the previous revision of a key; `false` if the stored revision is another one.
pub(crate) fn replace(connection: &Connection, key: &KeyRecord) -> rusqlite::Result<bool> {
    write(
        connection,
        "UPDATE keys
         SET purpose = ?2, algorithm = ?3, sealed_key = ?4, state = ?5, created_at = ?6, state_changed_at = ?7,
             activated_at = ?8, revision = ?9
         WHERE id = ?1 AND revision = ?9 - 1",
        key,
    )
}

/// Executes `sql` with a key's values as parameters, in the order of [`key_columns`]; `false` if no row
/// changed.
fn write(connection: &Connection, sql: &str, key: &KeyRecord) -> rusqlite::Result<bool> {
    let written = connection.prepare_cached(sql)?.execute(params![
        key.id.as_str(),
        key.purpose.as_str(),
        key.algorithm,
        key.sealed,
        key.state.as_str(),
        unix_ms(key.created_at),
        unix_ms(key.changed_at),
        key.activated_at.map(unix_ms),
        Unsigned(key.revision),
    ])?;
    Ok(written == 1)
}
