//! A connection to a store that no other process writes.

use std::sync::Arc;

use crate::canonical_names::follow_rules;
use crate::connection::Connector;
use crate::error::{OpenError, QueryError};
use crate::schema::{self, SchemaState};
use crate::server_check::check_server;
use crate::session_probe::require_session;
use crate::statement::Connection;
use crate::store_lock;
use crate::supersession::supersede_others;
use crate::tables::writers;
use crate::url::PostgresUrl;

/// Whether the store must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// It must be.
    Required,
    /// If it is not, its tables are created.
    CreateIfMissing,
}

/// The settings of a connection that copies: a statement may take as long as it takes, and so may the other store.
const SETTINGS: &str =
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET default_transaction_isolation = 'read committed'; SET jit = off;
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";

/// Connects to the store in this database, which no other process writes as long as the connection lives. An older schema
/// is migrated.
///
/// # Errors
///
/// [`OpenError::InUse`] if another process has the store open, [`OpenError::NoStore`] if the database has no store and must have one.
pub(super) async fn connect(url: &PostgresUrl, existence: Existence) -> Result<Connection, OpenError> {
    let database = url.to_string();
    let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Unreachable {
        database: database.clone(),
        source,
    };
    let schema_error = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Schema {
        database: database.clone(),
        source,
    };
    let connector = Connector::new(url, Arc::new(|| None)).map_err(|error| unreachable(error.into()))?;
    connector.survey_hosts().await;
    require_session(&connector, &database).await?;
    let connected = connector.connect().await.map_err(|error| unreachable(error.into()))?;
    let mut connection = connected.connection;
    connection.batch_execute(SETTINGS).await.map_err(|error| unreachable(error.into()))?;
    check_server(&connection, &database).await?;
    // Before the lock of the store, as each start takes them.
    schema::lock(&connection).await.map_err(|error| schema_error(error.into()))?;
    match store_lock::exclude_others(&connection).await {
        Err(QueryError::Locked) => return Err(OpenError::InUse { database }),
        excluded => excluded.map_err(|error| unreachable(error.into()))?,
    }
    match schema::state(&connection).await.map_err(|error| schema_error(error.into()))? {
        SchemaState::Missing if existence == Existence::Required => {
            return Err(OpenError::NoStore { database });
        }
        // It would leave out what it does not know.
        SchemaState::NewerCompatible { version: found } | SchemaState::TooNew { version: found, .. } => {
            let supported = schema::newest();
            return Err(OpenError::NewerSchema { database, found, min_reader: found, supported });
        }
        SchemaState::Current => {}
        state @ (SchemaState::Missing | SchemaState::Older { .. }) => {
            let migrated = schema::migrate(&mut connection, state).await;
            migrated.map_err(|error| error.into_open_error(&database))?;
        }
    }
    schema::unlock(&connection).await.map_err(|error| schema_error(error.into()))?;
    bring_up_to_date(&connection).await.map_err(|error| schema_error(error.into()))?;
    Ok(connection)
}

/// Removes the processes that have ended without a stop, and makes the names of all users follow the rules of this program, as
/// at each start.
async fn bring_up_to_date(connection: &Connection) -> Result<(), QueryError> {
    supersede_others(connection).await?;
    connection.batch_execute(writers::BEGIN).await?;
    follow_rules(connection).await?;
    Ok(connection.batch_execute("COMMIT").await?)
}
