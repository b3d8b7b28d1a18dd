//! The table `verifier_keys`: the keys with which resource servers follow the feed.

use tokio_postgres::Row;

use counterfoil_core::credentials::verifier_key::{VerifierKeyHash, VerifierKeyId};
use counterfoil_core::model::verifier_key::VerifierKeyRecord;
use counterfoil_core::store::{Page, VerifierKeyCursor};

use super::columns::{Columns, Text, unix_ms};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, statement};

/// The columns that [`read`] reads.
macro_rules! verifier_key_columns {
    () => {
        "id, name, secret_hash, created_at"
    };
}

/// The verifier key `id`.
pub(crate) async fn find(
    connection: &Connection,
    id: VerifierKeyId,
) -> Result<Option<VerifierKeyRecord>, QueryError> {
    let select = statement!(
        concat!("SELECT ", verifier_key_columns!(), " FROM verifier_keys WHERE id = $1"),
        id.as_bytes().as_slice()
    );
    select.query_opt(connection).await?.as_ref().map(read).transpose()
}

/// Verifier keys, the oldest first.
pub(crate) async fn page(
    connection: &Connection,
    page: Page<VerifierKeyCursor>,
) -> Result<Vec<VerifierKeyRecord>, QueryError> {
    // The first page starts before every time.
    let (created_at, id) =
        page.after.map_or((i64::MIN, [0; 16]), |at| (unix_ms(at.created_at), *at.id.as_bytes()));
    let select = statement!(
        concat!(
            "SELECT ",
            verifier_key_columns!(),
            " FROM verifier_keys WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3"
        ),
        created_at,
        id.as_slice(),
        i64::from(page.limit)
    );
    select.query(connection).await?.iter().map(read).collect()
}

pub(crate) fn read(row: &Row) -> Result<VerifierKeyRecord, QueryError> {
    let mut columns = Columns::new(row);
    Ok(VerifierKeyRecord {
        id: VerifierKeyId::from_bytes(columns.bytes()?),
        name: columns.text()?,
        key_hash: VerifierKeyHash::from_bytes(columns.bytes()?),
        created_at: columns.time()?,
    })
}

/// Inserts a verifier key. It conflicts if the id is taken.
pub(crate) fn insert(key: &VerifierKeyRecord) -> Statement<'_> {
    statement!(
        required!(
            "INSERT INTO verifier_keys (",
            verifier_key_columns!(),
            ") VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        ),
        key.id.as_bytes().as_slice(),
        Text(&key.name),
        key.key_hash.as_bytes().as_slice(),
        unix_ms(key.created_at)
    )
}

/// Deletes a verifier key. It conflicts if the key does not exist.
pub(crate) fn delete<'p>(id: VerifierKeyId) -> Statement<'p> {
    statement!(required!("DELETE FROM verifier_keys WHERE id = $1"), id.as_bytes().to_vec())
}
