//! The schema: its version and its migrations.

use refinery::Migration;
use tokio_postgres::Client;

use crate::error::QueryError;
use crate::migration::{self, FormerProcesses, MigrationError};

/// The migrations, compiled in. A released migration is never edited.
mod embedded {
    // The macro writes a public item without documentation.
    #![allow(missing_docs, unreachable_pub)]
    refinery::embed_migrations!("migrations");
}

/// The schema version of this program.
pub(crate) const VERSION: i64 = 4;

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
        /// The lowest version of a program that may have the store open until then.
        min_reader: i64,
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
            Some(version) if version < newest => {
                // Before the store said so, each program refused every schema but its own.
                Self::Older { version, min_reader: min_reader.unwrap_or(version) }
            }
            Some(version) if version == newest => Self::Current,
            Some(version) => match min_reader {
                Some(min_reader) if min_reader <= newest => Self::NewerCompatible { version },
                min_reader => Self::TooNew { version, min_reader: min_reader.unwrap_or(version) },
            },
        }
    }

    /// Whether programs which may have the store open until now must not use it after the migrations of this process.
    pub(crate) fn is_migrated_alone(self) -> bool {
        self.locks_out_older(min_reader_after_migration())
    }

    /// Whether migrations that leave the store to programs of the version `needed` and newer lock out some that may have it
    /// open now. The version of the schema does not say that: a program of a lower version may use it.
    const fn locks_out_older(self, needed: i64) -> bool {
        matches!(self, Self::Older { min_reader, .. } if min_reader < needed)
    }
}

/// The version to which this process migrates: [`VERSION`], except in tests of an upgrade.
pub(crate) fn newest() -> i64 {
    #[cfg(all(feature = "next-schema", debug_assertions))]
    return VERSION + crate::next_schema::added_versions();
    #[cfg(not(all(feature = "next-schema", debug_assertions)))]
    VERSION
}

/// The lowest version of a program that may use a store which this process has migrated: [`MIN_READER`], except in tests of an
/// upgrade.
fn min_reader_after_migration() -> i64 {
    #[cfg(all(feature = "next-schema", debug_assertions))]
    return crate::next_schema::min_reader(VERSION).unwrap_or(MIN_READER);
    #[cfg(not(all(feature = "next-schema", debug_assertions)))]
    MIN_READER
}

/// All migrations of this process.
fn migrations() -> Vec<Migration> {
    let migrations = embedded::migrations::runner().get_migrations().clone();
    #[cfg(all(feature = "next-schema", debug_assertions))]
    return migrations.into_iter().chain(crate::next_schema::migrations(VERSION)).collect();
    #[cfg(not(all(feature = "next-schema", debug_assertions)))]
    migrations
}

/// How long a start waits for another one that creates or migrates the tables. The session of one that was killed ends within
/// half a minute.
const LOCK_TIMEOUT_MS: u32 = 600_000;

/// Takes the lock of the schema, for the session. A process takes it before the lock of the store: one that waits for a
/// migration of another one must not count as a process that has the store open.
pub(crate) async fn lock(client: &Client) -> Result<(), QueryError> {
    let is_free = client.query_one(&format!("SELECT pg_try_advisory_lock({LOCK})"), &[]).await?.try_get(0)?;
    if is_free {
        return Ok(());
    }
    tracing::info!("another process opens the store, and may migrate its tables; this one waits for it");
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
/// One transaction for all migrations, and for what happens to the processes that had the store open before: one that is
/// interrupted leaves everything as it was.
pub(crate) async fn migrate(client: &mut Client, found: SchemaState) -> Result<(), MigrationError> {
    let former = match found.is_migrated_alone() {
        true => FormerProcesses::Superseded,
        false => FormerProcesses::Admitted,
    };
    migration::run(client, migrations(), former, COMMIT_LOCK, migration::MAX_WAIT).await
}

/// The schema that exists.
pub(crate) async fn state(client: &Client) -> Result<SchemaState, QueryError> {
    let version = version(client).await?;
    let min_reader = match version {
        Some(_) => min_reader(client).await?,
        None => None,
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
        let newest = migrations().iter().map(|migration| i64::from(migration.version())).max();
        assert_eq!(newest, Some(VERSION));
    }

    #[test]
    fn an_older_program_uses_a_newer_schema_only_if_the_store_says_so() {
        let state = |version, min_reader| SchemaState::from_versions(Some(version), min_reader, 5);

        assert_eq!(SchemaState::from_versions(None, None, 5), SchemaState::Missing);
        assert_eq!(state(4, None), SchemaState::Older { version: 4, min_reader: 4 });
        assert_eq!(state(4, Some(3)), SchemaState::Older { version: 4, min_reader: 3 });
        assert_eq!(state(5, None), SchemaState::Current);
        assert_eq!(state(6, Some(5)), SchemaState::NewerCompatible { version: 6 });
        assert_eq!(state(6, Some(6)), SchemaState::TooNew { version: 6, min_reader: 6 });
        assert_eq!(state(6, None), SchemaState::TooNew { version: 6, min_reader: 6 });
    }

    #[test]
    fn a_migration_locks_out_every_program_that_may_use_the_store_before_and_not_after_it() {
        let needs_three = |state: SchemaState| state.locks_out_older(3);
        let needs_four = |state: SchemaState| state.locks_out_older(4);

        assert!(needs_three(SchemaState::Older { version: 2, min_reader: 2 }));
        assert!(!needs_three(SchemaState::Older { version: 3, min_reader: 3 }));
        assert!(!needs_three(SchemaState::Older { version: 4, min_reader: 3 }));
        // A program of version 3 has it open, although the version of the schema is 4.
        assert!(needs_four(SchemaState::Older { version: 4, min_reader: 3 }));
        assert!(!needs_four(SchemaState::Older { version: 4, min_reader: 4 }));
        assert!(!needs_four(SchemaState::Missing));
        assert!(!needs_four(SchemaState::NewerCompatible { version: 9 }));
    }
}
