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

/// The schema version of this program.
pub(crate) const VERSION: i64 = 3;

/// The lowest schema version of a program that may use a store which the migrations of this program have made. Programs of
/// lower versions must not have the store open while they run.
pub(crate) const MIN_READER: i64 = 3;

/// The schema that exists, as this program sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaState {
    /// There are no tables.
    Missing,
    /// The migrations of this program have not all run.
    Older {
        /// The version that exists.
        version: i64,
    },
    /// It is that of this program.
    Current,
    /// A newer program has migrated it, and this one may use it.
    NewerCompatible {
        /// The version that exists.
        version: i64,
    },
    /// A newer program has migrated it, and this one must not use it.
    TooNew {
        /// The version that exists.
        version: i64,
        /// The lowest version of a program that may.
        min_reader: i64,
    },
}

impl SchemaState {
    /// The state of a schema of this version, for a program of the version `newest`.
    fn from_versions(version: Option<i64>, min_reader: Option<i64>, newest: i64) -> Self {
        match version {
            None => Self::Missing,
            Some(version) if version < newest => Self::Older { version },
            Some(version) if version == newest => Self::Current,
            Some(version) => match min_reader {
                Some(min_reader) if min_reader <= newest => Self::NewerCompatible { version },
                min_reader => Self::TooNew { version, min_reader: min_reader.unwrap_or(version) },
            },
        }
    }

    /// Whether programs which had the store open until now must not use it after the migrations of this program.
    pub(crate) const fn locks_out_older(self) -> bool {
        matches!(self, Self::Older { version } if version < MIN_READER)
    }
}

/// The version to which this process migrates: [`VERSION`], except in tests of an upgrade.
pub(crate) fn newest() -> i64 {
    #[cfg(all(feature = "next-schema", debug_assertions))]
    if crate::next_schema::is_chosen() {
        return VERSION + 1;
    }
    VERSION
}

/// All migrations of this process.
fn runner() -> Runner {
    let runner = embedded::migrations::runner();
    #[cfg(all(feature = "next-schema", debug_assertions))]
    if crate::next_schema::is_chosen() {
        return crate::next_schema::with_next(&runner, newest());
    }
    runner
}

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

/// The lock that each transaction which writes begins with (`writers::BEGIN`).
const COMMIT_LOCK: &str = "hashtextextended('counterfoil commit ' || current_schema(), 0)";

/// The lock of the schema that the search path names.
const LOCK: &str = "hashtextextended('counterfoil schema ' || current_schema(), 0)";

/// Creates the tables, or migrates an older schema to [`newest`]. The caller holds the lock of the schema.
///
/// No other process commits meanwhile: a commit that has a lock of one table and waits for another could make the migration fail.
/// A statement of a migration may take as long as it takes, so the time limit of the session does not hold for it.
pub(crate) async fn migrate(client: &mut Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let former: String =
        client.query_one("SELECT current_setting('statement_timeout')", &[]).await?.try_get(0)?;
    client.batch_execute("SET statement_timeout = 0").await?;
    client.execute(&format!("SELECT pg_advisory_lock({COMMIT_LOCK})"), &[]).await?;
    // One transaction for all migrations: a migration that fails leaves the schema as it was.
    let migrated = runner().set_grouped(true).run_async(client).await;
    client.execute(&format!("SELECT pg_advisory_unlock({COMMIT_LOCK})"), &[]).await?;
    migrated?;
    client.execute("SELECT set_config('statement_timeout', $1, false)", &[&former]).await?;
    Ok(())
}

/// The schema that exists.
pub(crate) async fn state(client: &Client) -> Result<SchemaState, QueryError> {
    let version = version(client).await?;
    let min_reader = match version {
        Some(version) if version > newest() => min_reader(client).await?,
        Some(_) | None => None,
    };
    Ok(SchemaState::from_versions(version, min_reader, newest()))
}

/// Which programs may use the store; `None` if it does not say so.
async fn min_reader(client: &Client) -> Result<Option<i64>, QueryError> {
    let exists: bool =
        client.query_one("SELECT to_regclass('schema_compatibility') IS NOT NULL", &[]).await?.try_get(0)?;
    if !exists {
        return Ok(None);
    }
    Ok(client.query_one("SELECT min(min_reader) FROM schema_compatibility", &[]).await?.try_get(0)?)
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

    #[test]
    fn an_older_program_uses_a_newer_schema_only_if_the_store_says_so() {
        let state = |version, min_reader| SchemaState::from_versions(Some(version), min_reader, 5);

        assert_eq!(SchemaState::from_versions(None, None, 5), SchemaState::Missing);
        assert_eq!(state(4, None), SchemaState::Older { version: 4 });
        assert_eq!(state(5, None), SchemaState::Current);
        assert_eq!(state(6, Some(5)), SchemaState::NewerCompatible { version: 6 });
        assert_eq!(state(6, Some(6)), SchemaState::TooNew { version: 6, min_reader: 6 });
        assert_eq!(state(6, None), SchemaState::TooNew { version: 6, min_reader: 6 });
    }

    #[test]
    fn only_a_migration_that_older_programs_cannot_live_with_locks_them_out() {
        assert!(SchemaState::Older { version: MIN_READER - 1 }.locks_out_older());
        assert!(!SchemaState::Older { version: MIN_READER }.locks_out_older());
        assert!(!SchemaState::Missing.locks_out_older());
    }
}
