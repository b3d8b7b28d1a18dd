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
pub(crate) const VERSION: i64 = 1;

/// Creates the tables, or migrates an older schema to [`VERSION`]. The caller must be the only one.
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
