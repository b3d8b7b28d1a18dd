//! The table `keys`: signing keys and refresh token keys, encrypted.

use counterfoil_core::model::key::{KeyPurpose, KeyRecord, KeyState};
use tokio_postgres::Row;

use super::columns::{Columns, Text, unix_ms, unsigned};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, required, statement};

/// The columns that [`read`] reads, and the order of the parameters of [`write`].
macro_rules! key_columns {
    () => {
        "id, purpose, algorithm, sealed_key, state, created_at, state_changed_at, activated_at, revision"
    };
}

/// Every key, the oldest first.
pub(crate) async fn all(connection: &Connection) -> Result<Vec<KeyRecord>, QueryError> {
    let select = statement!(concat!("SELECT ", key_columns!(), " FROM keys ORDER BY created_at, id"));
    select.query(connection).await?.iter().map(read).collect()
}

pub(crate) fn read(row: &Row) -> Result<KeyRecord, QueryError> {
    let mut columns = Columns::new(row);
    Ok(KeyRecord {
        id: columns.parsed()?,
        purpose: columns.word(KeyPurpose::from_name)?,
        algorithm: columns.text()?,
        sealed: columns.value()?,
        state: columns.word(KeyState::from_name)?,
        created_at: columns.time()?,
        changed_at: columns.time()?,
        activated_at: columns.optional_time()?,
        revision: columns.unsigned()?,
    })
}

/// Inserts a key. It conflicts if the id is taken.
pub(crate) fn insert(key: &KeyRecord) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "INSERT INTO keys (",
        key_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
    );
    write(SQL, key)
}

/// Replaces the previous revision of a key. It conflicts if the stored revision is another one.
pub(crate) fn replace(key: &KeyRecord) -> Result<Statement<'_>, QueryError> {
    const SQL: &str = required!(
        "UPDATE keys
         SET purpose = $2, algorithm = $3, sealed_key = $4, state = $5, created_at = $6, state_changed_at = $7,
             activated_at = $8, revision = $9
         WHERE id = $1 AND revision = $9::bigint - 1"
    );
    write(SQL, key)
}

/// `sql` with a key's values as parameters, in the order of [`key_columns`].
fn write<'p>(sql: &'static str, key: &'p KeyRecord) -> Result<Statement<'p>, QueryError> {
    Ok(statement!(
        sql,
        key.id.as_str(),
        key.purpose.as_str(),
        Text(&key.algorithm),
        key.sealed.as_slice(),
        key.state.as_str(),
        unix_ms(key.created_at),
        unix_ms(key.changed_at),
        key.activated_at.map(unix_ms),
        unsigned(key.revision)?,
    ))
}
