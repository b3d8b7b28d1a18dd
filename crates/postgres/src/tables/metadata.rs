//! The table `metadata`: values of the installation itself, by name.

use super::columns::{Columns, Text};
use crate::error::QueryError;
use crate::statement::{Connection, Statement, statement};

/// The value of `key`.
pub(crate) async fn find(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, QueryError> {
    let found =
        statement!("SELECT value FROM metadata WHERE key = $1", Text(key)).query_opt(connection).await?;
    found.map(|row| Columns::new(&row).value()).transpose()
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
