//! What a start does before it may write: it checks the server and the schema, migrates the tables, and takes the locks.

use counterfoil_core::model::client::Client;
use counterfoil_core::store::NodeId;
use counterfoil_verify::ClientId;

use crate::canonical_names::follow_rules;
use crate::connection::Connected;
use crate::error::{OpenError, QueryError};
use crate::schema::{self, SchemaState};
use crate::server_check::check_server;
use crate::statement::Connection;
use crate::store_lock::{self, Access};
use crate::supersession::supersede_others;
use crate::tables::{clients, writers};
use crate::writer_connection::WriterConnection;

/// Checks the server, creates or migrates the tables, and becomes the writer of this process.
pub(super) async fn prepare(
    Connected { mut connection, ended }: Connected,
    (id, access): (NodeId, Access),
    database: &str,
) -> Result<WriterConnection, OpenError> {
    let schema_error = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Schema {
        database: database.to_owned(),
        source,
    };
    check_server(&connection, database).await?;
    // Processes that start at the same time create or migrate the tables once, and the others wait here.
    schema::lock(&connection).await.map_err(|error| schema_error(error.into()))?;
    let state = schema::state(&connection).await.map_err(|error| schema_error(error.into()))?;
    check_newer(state, access, database)?;
    let locks_out_older = state.is_migrated_alone();
    lock_store(&connection, (access, locks_out_older), database).await?;
    if matches!(state, SchemaState::Missing | SchemaState::Older { .. }) {
        let migrated = schema::migrate(&mut connection, state).await;
        migrated.map_err(|error| error.into_open_error(database))?;
    }
    if locks_out_older && access == Access::Shared {
        // First the one, then the other: at no moment may a program have the store for itself.
        store_lock::share(&connection).await.map_err(|error| schema_error(error.into()))?;
        store_lock::admit_others(&connection).await.map_err(|error| schema_error(error.into()))?;
    }
    bring_up_to_date(&connection, state).await.map_err(|error| schema_error(error.into()))?;
    schema::unlock(&connection).await.map_err(|error| schema_error(error.into()))?;
    if access == Access::Alone {
        supersede_others(&connection).await.map_err(|error| schema_error(error.into()))?;
    }
    let takeover = writers::insert(&connection, id).await.map_err(|error| schema_error(error.into()))?;
    Ok(WriterConnection { connection, ended, takeover })
}

/// Takes the lock of the store: alone for a program that must be alone, and for a migration with which others that may have
/// the store open now cannot work.
async fn lock_store(
    connection: &Connection,
    (access, locks_out_older): (Access, bool),
    database: &str,
) -> Result<(), OpenError> {
    let locked = match access {
        Access::Shared if !locks_out_older => store_lock::share(connection).await,
        Access::Shared | Access::Alone => store_lock::exclude_others(connection).await,
    };
    let database = database.to_owned();
    match locked {
        Ok(()) => Ok(()),
        Err(QueryError::Locked) if locks_out_older && access == Access::Shared => {
            Err(OpenError::InUseByOlder { database })
        }
        Err(QueryError::Locked) => Err(OpenError::InUse { database }),
        Err(error) => Err(OpenError::Schema { database, source: error.into() }),
    }
}

/// Refuses a store that a newer program has migrated, unless it says that this one may use it. A program that changes the whole
/// store must know all of it.
fn check_newer(state: SchemaState, access: Access, database: &str) -> Result<(), OpenError> {
    let (found, min_reader) = match state {
        SchemaState::Missing | SchemaState::Older { .. } | SchemaState::Current => return Ok(()),
        SchemaState::NewerCompatible { version } if access == Access::Shared => {
            tracing::warn!(
                store = version,
                program = schema::newest(),
                "a newer version has migrated the store; this version may use it until all nodes are upgraded"
            );
            return Ok(());
        }
        SchemaState::NewerCompatible { version } => (version, version),
        SchemaState::TooNew { version, min_reader } => (version, min_reader),
    };
    let database = database.to_owned();
    Err(OpenError::NewerSchema { database, found, min_reader, supported: schema::newest() })
}

/// Inserts what a new store has, and makes stored names follow the rules of this program, unless a newer program has migrated
/// the store: its rules may be newer too, and its names must not get their former forms again.
async fn bring_up_to_date(connection: &Connection, found: SchemaState) -> Result<(), QueryError> {
    // A start that was interrupted after the migration has left no client.
    let is_new = clients::find(connection, &ClientId::default()).await?.is_none();
    connection.batch_execute(writers::BEGIN).await?;
    if is_new {
        clients::insert(&Client::default_client())?.query(connection).await?;
    }
    if !matches!(found, SchemaState::NewerCompatible { .. }) {
        follow_rules(connection).await?;
    }
    connection.batch_execute("COMMIT").await?;
    Ok(())
}
