//! The table `admin_keys`: the API keys of the administration API.

use tokio_postgres::Row;

use counterfoil_core::credentials::admin_key::{AdminKeyHash, AdminKeyId};
use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_core::store::{AdminKeyCursor, Page};
use counterfoil_verify::UserId;

use super::columns::{Columns, Text, unix_ms};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, required_row, statement};

/// The columns that [`read`] reads.
macro_rules! admin_key_columns {
    () => {
        "id, name, secret_hash, created_by, created_at"
    };
}

/// The admin key `id`.
pub(crate) async fn find(
    connection: &Connection,
    id: AdminKeyId,
) -> Result<Option<AdminKeyRecord>, QueryError> {
    let select = statement!(
        concat!("SELECT ", admin_key_columns!(), " FROM admin_keys WHERE id = $1"),
        id.as_bytes().as_slice()
    );
    select.query_opt(connection).await?.as_ref().map(read).transpose()
}

/// Admin keys, the oldest first.
pub(crate) async fn page(
    connection: &Connection,
    page: Page<AdminKeyCursor>,
) -> Result<Vec<AdminKeyRecord>, QueryError> {
    // The first page starts before every time.
    let (created_at, id) =
        page.after.map_or((i64::MIN, [0; 16]), |at| (unix_ms(at.created_at), *at.id.as_bytes()));
    let select = statement!(
        concat!(
            "SELECT ",
            admin_key_columns!(),
            " FROM admin_keys WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3"
        ),
        created_at,
        id.as_slice(),
        i64::from(page.limit)
    );
    select.query(connection).await?.iter().map(read).collect()
}

pub(crate) fn read(row: &Row) -> Result<AdminKeyRecord, QueryError> {
    let mut columns = Columns::new(row);
    Ok(AdminKeyRecord {
        id: AdminKeyId::from_bytes(columns.bytes()?),
        name: columns.text()?,
        key_hash: AdminKeyHash::from_bytes(columns.bytes()?),
        created_by: columns
            .optional_bytes()?
            .map_or(KeyCreator::Operator, |id| KeyCreator::User(UserId::from_bytes(id))),
        created_at: columns.time()?,
    })
}

/// Requires that the admin key `id` exists.
pub(crate) fn require<'p>(id: AdminKeyId) -> Statement<'p> {
    statement!(required_row!("SELECT 1 FROM admin_keys WHERE id = $1"), id.as_bytes().to_vec())
}

/// Inserts an admin key. It conflicts if the id is taken or its creator does not exist.
pub(crate) fn insert(key: &AdminKeyRecord) -> Statement<'_> {
    let created_by = match &key.created_by {
        KeyCreator::User(id) => Some(id.as_bytes().as_slice()),
        KeyCreator::Operator => None,
    };
    statement!(
        required!(
            "INSERT INTO admin_keys (",
            admin_key_columns!(),
            ") VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
        ),
        key.id.as_bytes().as_slice(),
        Text(&key.name),
        key.key_hash.as_bytes().as_slice(),
        created_by,
        unix_ms(key.created_at)
    )
}

/// Deletes an admin key. It conflicts if the key does not exist.
pub(crate) fn delete<'p>(id: AdminKeyId) -> Statement<'p> {
    statement!(required!("DELETE FROM admin_keys WHERE id = $1"), id.as_bytes().to_vec())
}

/// Deletes every admin key that `user` created; [`read_ids`] reads their ids.
pub(crate) fn delete_all_of_user<'p>(user: UserId) -> Statement<'p> {
    statement!("DELETE FROM admin_keys WHERE created_by = $1 RETURNING id", user.as_bytes().to_vec())
}

/// The ids that [`delete_all_of_user`] returns.
pub(crate) fn read_ids(rows: &[Row]) -> Result<Vec<AdminKeyId>, QueryError> {
    rows.iter().map(|row| Columns::new(row).bytes().map(AdminKeyId::from_bytes)).collect()
}
