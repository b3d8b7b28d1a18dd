//! The table `admin_keys`: the API keys of the administration API.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::credentials::admin_key::{AdminKeyHash, AdminKeyId};
use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::store::{AdminKeyCursor, Page};
use counterfoil_verify::UserId;

use super::columns::{Columns, unix_ms};
use crate::error_class;

/// The columns that [`read`] reads.
macro_rules! admin_key_columns {
    () => {
        "id, name, secret_hash, created_by, created_at"
    };
}

/// The admin key `id`.
pub(crate) fn find(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<Option<AdminKeyRecord>> {
    connection
        .prepare_cached(concat!("SELECT ", admin_key_columns!(), " FROM admin_keys WHERE id = ?1"))?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// Admin keys, the oldest first.
pub(crate) fn page(
    connection: &Connection,
    page: Page<AdminKeyCursor>,
) -> rusqlite::Result<Vec<AdminKeyRecord>> {
    // The first page starts before every time.
    let (created_at, id) =
        page.after.map_or((i64::MIN, [0; 16]), |at| (unix_ms(at.created_at), *at.id.as_bytes()));
    connection
        .prepare_cached(concat!(
            "SELECT ",
            admin_key_columns!(),
            " FROM admin_keys WHERE (created_at, id) > (?1, ?2) ORDER BY created_at, id LIMIT ?3"
        ))?
        .query_map(params![created_at, id, page.limit], read)?
        .collect()
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<AdminKeyRecord> {
    let mut columns = Columns::new(row);
    Ok(AdminKeyRecord {
        id: AdminKeyId::from_bytes(columns.bytes()?),
        name: columns.value()?,
        key_hash: AdminKeyHash::from_bytes(columns.bytes()?),
        created_by: columns
            .value::<Option<_>>()?
            .map_or(KeyCreator::Operator, |id| KeyCreator::User(UserId::from_bytes(id))),
        created_at: columns.time()?,
    })
}

/// Whether the admin key `id` exists.
pub(crate) fn exists(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM admin_keys WHERE id = ?1")?.exists([id.as_bytes()])
}

/// Inserts an admin key; `false` if the id is taken or its creator does not exist.
pub(crate) fn insert(connection: &Connection, key: &AdminKeyRecord) -> rusqlite::Result<bool> {
    let created_by = match &key.created_by {
        KeyCreator::User(id) => Some(id.as_bytes()),
        KeyCreator::Operator => None,
    };
    let inserted = connection
        .prepare_cached(concat!(
            "INSERT INTO admin_keys (",
            admin_key_columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"
        ))?
        .execute(params![
            key.id.as_bytes(),
            key.name,
            key.key_hash.as_bytes(),
            created_by,
            unix_ms(key.created_at)
        ]);
    match inserted {
        Err(error) if error_class::is_foreign_key_violation(&error) => Ok(false),
        other => other.map(|inserted| inserted == 1),
    }
}

/// Deletes an admin key; `false` if it does not exist.
pub(crate) fn delete(connection: &Connection, id: AdminKeyId) -> rusqlite::Result<bool> {
    let deleted =
        connection.prepare_cached("DELETE FROM admin_keys WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(deleted == 1)
}

/// Deletes every admin key that `user` created, and returns their ids.
pub(crate) fn delete_all_of_user(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<AdminKeyId>> {
    connection
        .prepare_cached("DELETE FROM admin_keys WHERE created_by = ?1 RETURNING id")?
        .query_map([user.as_bytes()], |row| row.get(0).map(AdminKeyId::from_bytes))?
        .collect()
}
