//! The table `verifier_keys`: the keys with which resource servers follow the feed.

use rusqlite::{Connection, OptionalExtension, Row, params};

use counterfoil_core::credentials::verifier_key::{VerifierKeyHash, VerifierKeyId};
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::store::{Page, VerifierKeyCursor};

use super::columns::{Columns, unix_ms};

/// The columns that [`read`] reads.
macro_rules! verifier_key_columns {
    () => {
        "id, name, secret_hash, created_at"
    };
}

/// The verifier key `id`.
pub(crate) fn find(
    connection: &Connection,
    id: VerifierKeyId,
) -> rusqlite::Result<Option<VerifierKeyRecord>> {
    connection
        .prepare_cached(concat!("SELECT ", verifier_key_columns!(), " FROM verifier_keys WHERE id = ?1"))?
        .query_row([id.as_bytes()], read)
        .optional()
}

/// Verifier keys, the oldest first.
pub(crate) fn page(
    connection: &Connection,
    page: Page<VerifierKeyCursor>,
) -> rusqlite::Result<Vec<VerifierKeyRecord>> {
    // The first page starts before every time.
    let (created_at, id) =
        page.after.map_or((i64::MIN, [0; 16]), |at| (unix_ms(at.created_at), *at.id.as_bytes()));
    connection
        .prepare_cached(concat!(
            "SELECT ",
            verifier_key_columns!(),
            " FROM verifier_keys WHERE (created_at, id) > (?1, ?2) ORDER BY created_at, id LIMIT ?3"
        ))?
        .query_map(params![created_at, id, page.limit], read)?
        .collect()
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<VerifierKeyRecord> {
    let mut columns = Columns::new(row);
    Ok(VerifierKeyRecord {
        id: VerifierKeyId::from_bytes(columns.bytes()?),
        name: columns.value()?,
        key_hash: VerifierKeyHash::from_bytes(columns.bytes()?),
        created_at: columns.time()?,
    })
}

/// Inserts a verifier key; `false` if the id is taken.
pub(crate) fn insert(connection: &Connection, key: &VerifierKeyRecord) -> rusqlite::Result<bool> {
    let inserted = connection
        .prepare_cached(concat!(
            "INSERT INTO verifier_keys (",
            verifier_key_columns!(),
            ") VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
        ))?
        .execute(params![key.id.as_bytes(), key.name, key.key_hash.as_bytes(), unix_ms(key.created_at)])?;
    Ok(inserted == 1)
}

/// Deletes a verifier key; `false` if it does not exist.
pub(crate) fn delete(connection: &Connection, id: VerifierKeyId) -> rusqlite::Result<bool> {
    let deleted =
        connection.prepare_cached("DELETE FROM verifier_keys WHERE id = ?1")?.execute([id.as_bytes()])?;
    Ok(deleted == 1)
}
