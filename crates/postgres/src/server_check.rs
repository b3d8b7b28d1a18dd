//! What a database server must keep.

use crate::error::{OpenError, QueryError};
use crate::statement::Connection;

/// Refuses a server that cannot keep what is written.
pub(crate) async fn check_server(connection: &Connection, database: &str) -> Result<(), OpenError> {
    let select =
        "SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync') = 'on'";
    let read = async || -> Result<(String, bool, bool), QueryError> {
        let row = connection.query_one(select, &[]).await?;
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let (encoding, is_standby, syncs) = read()
        .await
        .map_err(|error| OpenError::Unreachable { database: database.to_owned(), source: error.into() })?;
    if is_standby {
        return Err(OpenError::ReadOnly { database: database.to_owned() });
    }
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { database: database.to_owned(), encoding });
    }
    if !syncs {
        tracing::warn!(
            "`fsync` is off in PostgreSQL: a crash of its machine can lose commits that were confirmed"
        );
    }
    Ok(())
}
