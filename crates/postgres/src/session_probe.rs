//! Finds out whether a connection keeps its session: a pooler in transaction mode gives it another one for each
//! transaction.

use counterfoil_jose::{base64url, random};

use crate::connection::Connector;
use crate::error::{OpenError, QueryError};
use crate::statement::Connection;

/// Refuses a pooler that does not keep sessions. The lock of the writer, `LISTEN`, prepared statements and the settings of
/// a session would be those of any client of the pooler.
///
/// # Errors
///
/// [`OpenError::SessionNotKept`], or if the database cannot be reached.
pub(crate) async fn require_session(connector: &Connector, database: &str) -> Result<(), OpenError> {
    match keeps_session(connector).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::SessionNotKept { database: database.to_owned() }),
        Err(error) => Err(OpenError::Unreachable { database: database.to_owned(), source: Box::new(error) }),
    }
}

/// Sets a value in one session, has a second client begin a transaction, and reads the value again: in transaction mode the
/// second client has taken the connection of the first one to the server.
///
/// Only simple queries: a prepared statement would fail there by itself, with an error that says nothing.
async fn keeps_session(connector: &Connector) -> Result<bool, QueryError> {
    let (first, second) = (connector.connect().await?.connection, connector.connect().await?.connection);
    let value: [u8; 16] = random::bytes().map_err(|_| QueryError::InvalidValue("no randomness"))?;
    let value = base64url::encode(value);
    first.batch_execute(&format!("SET counterfoil.session = '{value}'")).await?;
    second.batch_execute("BEGIN").await?;
    let found = setting(&first).await;
    // A connection that is lost ends its transaction too.
    let _ = second.batch_execute("ROLLBACK").await;
    Ok(found?.as_deref() == Some(value.as_str()))
}

async fn setting(connection: &Connection) -> Result<Option<String>, QueryError> {
    let messages = connection.simple_query("SELECT current_setting('counterfoil.session', true)").await?;
    Ok(messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
