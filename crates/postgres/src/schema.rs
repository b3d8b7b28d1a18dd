//! The schema: its version and its migrations.

use refinery::Runner;
use tokio_postgres::Client;

use crate::error::QueryError;

/// The migrations, compiled in. A released migration is never edited.
mod embedded {
    // The macro writes a public item without documentation.
    #![allow(missing_docs, unreachable_pub)]
    refinery::embed_migrations!("migrations");
}

/// The schema version that this program writes.
pub(crate) const VERSION: i64 = 2;

/// How long a start waits for another one that creates or migrates the tables.
const LOCK_TIMEOUT_MS: u32 = 60_000;

/// Takes the lock of the schema, for the session.
pub(crate) async fn lock(client: &Client) -> Result<(), QueryError> {
    let former: (String, String) = {
        let row = client
            .query_one("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')", &[])
            .await?;
        (row.try_get(0)?, row.try_get(1)?)
    };
    let limits = format!("SET statement_timeout = {LOCK_TIMEOUT_MS}; SET lock_timeout = {LOCK_TIMEOUT_MS}");
    client.batch_execute(&limits).await?;
    client.execute(&format!("SELECT pg_advisory_lock({LOCK})"), &[]).await?;
    let set = "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false)";
    client.execute(set, &[&former.0, &former.1]).await?;
    Ok(())
}

/// Gives the lock back. A session that ends has given it back.
pub(crate) async fn unlock(client: &Client) -> Result<(), QueryError> {
    client.execute(&format!("SELECT pg_advisory_unlock({LOCK})"), &[]).await?;
    Ok(())
}

/// The lock of the schema that the search path names.
const LOCK: &str = "hashtextextended('counterfoil schema ' || current_schema(), 0)";

/// Creates the tables, or migrates an older schema to [`VERSION`]. The caller holds the lock of the schema.
///
/// A statement of a migration may take as long as it takes, so the time limit of the session does not hold for it.
pub(crate) async fn migrate(client: &mut Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let former: String =
        client.query_one("SELECT current_setting('statement_timeout')", &[]).await?.try_get(0)?;
    client.batch_execute("SET statement_timeout = 0").await?;
    // One transaction for all migrations: a migration that fails leaves the schema as it was.
    let runner: Runner = embedded::migrations::runner().set_grouped(true);
    runner.run_async(client).await?;
    client.execute("SELECT set_config('statement_timeout', $1, false)", &[&former]).await?;
    Ok(())
}

/// The version of the schema that exists; `None` if there are no tables.
pub(crate) async fn version(client: &Client) -> Result<Option<i64>, QueryError> {
    let exists: bool = client
        .query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[])
        .await?
        .try_get(0)?;
    if !exists {
        return Ok(None);
    }
    Ok(client.query_one("SELECT max(version)::bigint FROM refinery_schema_history", &[]).await?.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_migration_has_the_version_of_the_program() {
        let runner = embedded::migrations::runner();
        let newest = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max();
        assert_eq!(newest, Some(VERSION));
    }
}
