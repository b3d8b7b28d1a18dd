//! The keys that programs administer with: their table, row by row.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::credentials::admin_key::{AdminKeyHash, AdminKeyId};
use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_verify::UserId;

use crate::error_class;
use crate::row::{Columns, time};

/// The admin key `id`.
pub(crate) fn find(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<Option<AdminKeyRecord>> {
    connection
        .prepare_cached("SELECT id, name, digest, made_by, created_at FROM admin_keys WHERE id = ?1")?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// Every admin key, the oldest first.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<AdminKeyRecord>> {
    connection
        .prepare_cached(
            "SELECT id, name, digest, made_by, created_at FROM admin_keys ORDER BY created_at, id",
        )?
        .query_map([], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<AdminKeyRecord> {
    let mut columns = Columns::of(row);
    Ok(AdminKeyRecord {
        id: AdminKeyId::from_bytes(columns.bytes()?),
        name: columns.plain()?,
        digest: AdminKeyHash::from_bytes(columns.bytes()?),
        made_by: columns
            .plain::<Option<_>>()?
            .map_or(KeyCreator::Operator, |id| KeyCreator::User(UserId::from_bytes(id))),
        created_at: columns.time()?,
    })
}

/// Whether the admin key `id` is there.
pub(crate) fn is_there(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM admin_keys WHERE id = ?1")?.exists([id.as_bytes()])
}

/// Inserts an admin key, unless the id is taken or its maker is nobody.
pub(crate) fn insert(connection: &Connection, key: &AdminKeyRecord) -> rusqlite::Result<bool> {
    let made_by = match &key.made_by {
        KeyCreator::User(id) => Some(id.as_bytes()),
        KeyCreator::Operator => None,
    };
    let inserted = connection
        .prepare_cached(
            "INSERT INTO admin_keys (id, name, digest, made_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![key.id.as_bytes(), key.name, key.digest.as_bytes(), made_by, time(key.created_at)]);
    match inserted {
        Err(error) if error_class::is_dangling(&error) => Ok(false),
        other => other.map(|inserted| inserted == 1),
    }
}

/// Removes an admin key; `false` if there is none.
pub(crate) fn remove(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<bool> {
    let removed =
        connection.prepare_cached("DELETE FROM admin_keys WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(removed == 1)
}

/// Removes every admin key that `user` made, and tells their ids.
pub(crate) fn remove_all_of(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<AdminKeyId>> {
    connection
        .prepare_cached("DELETE FROM admin_keys WHERE made_by = ?1 RETURNING id")?
        .query_map([user.as_bytes()], |row| row.get(0).map(AdminKeyId::from_bytes))?
        .collect()
}
