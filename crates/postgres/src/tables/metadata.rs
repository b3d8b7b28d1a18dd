//! The table `metadata`: values of the installation itself, by name.

use tokio_postgres::Row;

use counterfoil_core::store::MAX_METADATA;

use super::columns::{Columns, Text};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, statement};

/// The value of `key`.
pub(crate) async fn find(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, QueryError> {
    let found =
        statement!("SELECT value FROM metadata WHERE key = $1", Text(key)).query_opt(connection).await?;
    found.map(|row| Columns::new(&row).value()).transpose()
}

/// The values whose keys begin with `prefix`, with their keys.
pub(crate) async fn find_with_prefix(
    connection: &Connection,
    prefix: &str,
) -> Result<Vec<(String, Vec<u8>)>, QueryError> {
    let select = statement!(
        "SELECT key, value FROM metadata WHERE key >= $1 AND starts_with(key, $1) ORDER BY key LIMIT $2",
        Text(prefix),
        i64::from(MAX_METADATA)
    );
    let read = |row: &Row| {
        let mut columns = Columns::new(row);
        Ok((columns.text()?, columns.value()?))
    };
    select.query(connection).await?.iter().map(read).collect()
}

/// Sets the value of `key`.
pub(crate) fn set<'p>(key: &'p str, value: &'p [u8]) -> Statement<'p> {
    statement!(
        "INSERT INTO metadata (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        Text(key),
        value
    )
}

/// Removes the value of `key`.
pub(crate) fn remove<'p>(key: &'p str) -> Statement<'p> {
    statement!("DELETE FROM metadata WHERE key = $1", Text(key))
}
