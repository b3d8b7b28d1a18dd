//! The keys that programs administer with: their table, row by row.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::issued::admin_key::{AdminKeyDigest, AdminKeyId};
use counterfoil_core::kept::admin_key::AdminKeyRecord;

use crate::column::{Columns, time};

/// The admin key `id`.
pub(crate) fn find(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<Option<AdminKeyRecord>> {
    connection
        .prepare_cached("SELECT id, name, digest, created_at FROM admin_keys WHERE id = ?1")?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// Every admin key, the oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<AdminKeyRecord>> {
    connection
        .prepare_cached("SELECT id, name, digest, created_at FROM admin_keys ORDER BY created_at, id")?
        .query_map([], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<AdminKeyRecord> {
    let mut columns = Columns::of(row);
    Ok(AdminKeyRecord {
        id: AdminKeyId::from_bytes(columns.bytes()?),
        name: columns.plain()?,
        digest: AdminKeyDigest::from_bytes(columns.bytes()?),
        created_at: columns.time()?,
    })
}

/// Inserts an admin key, unless the id is taken.
pub(crate) fn insert(connection: &Connection, key: &AdminKeyRecord) -> rusqlite::Result<bool> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO admin_keys (id, name, digest, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![key.id.as_bytes(), key.name, key.digest.as_bytes(), time(key.created_at)])?;
    Ok(inserted == 1)
}

/// Removes an admin key; `false` if there is none.
pub(crate) fn remove(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<bool> {
    let removed =
        connection.prepare_cached("DELETE FROM admin_keys WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(removed == 1)
}
