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
pub(crate) async fn migrate(client: &mut Client) -> Result<(), refinery::Error> {
    // One transaction for all migrations: a migration that fails leaves the schema as it was.
    let runner: Runner = embedded::migrations::runner().set_grouped(true);
    runner.run_async(client).await.map(|_| ())
}

/// The version of the schema that exists; `None` if there is none.
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
