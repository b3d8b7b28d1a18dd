//! Runs the migrations in one transaction, together with what must become true at the same moment.

use refinery::Migration;
use tokio_postgres::{Client, Transaction};

/// The history of the migrations, in the form of the crate `refinery`, which made it in stores of former versions.
const CREATE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history (
    version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))";

/// Adds a migration to the history.
const ADD_TO_HISTORY: &str = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
    VALUES ($1, $2, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), $3)";

/// What a migration does to the processes that had the store open before, of which none is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormerProcesses {
    /// They may connect again.
    Admitted,
    /// Their rows are removed in the same transaction, so that none of them writes, joins or renews afterwards.
    Superseded,
}

/// Why the migrations cannot run.
#[derive(Debug, thiserror::Error)]
enum HistoryError {
    #[error("the database has a migration {version} ({name}) that is not the one of this program")]
    Foreign { version: i32, name: String },
    #[error("the migration {0} of this program has no statements")]
    Empty(i32),
}

/// Runs those of `migrations` that the database does not have: all, or none.
///
/// No other process commits meanwhile: a commit that has a lock of one table and waits for another could make the migration fail.
/// A statement of a migration may take as long as it takes, so the time limit of the session does not hold for it.
pub(crate) async fn run(
    client: &mut Client,
    mut migrations: Vec<Migration>,
    former: FormerProcesses,
    commit_lock: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    migrations.sort_by_key(Migration::version);
    let transaction = client.transaction().await?;
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
    transaction.execute(&format!("SELECT pg_advisory_xact_lock({commit_lock})"), &[]).await?;
    transaction.batch_execute(CREATE_HISTORY).await?;
    let last = last_applied(&transaction, &migrations).await?;
    for migration in migrations.iter().filter(|migration| Some(migration.version()) > last) {
        let version = migration.version();
        tracing::info!(version, name = migration.name(), "the tables are migrated");
        transaction.batch_execute(migration.sql().ok_or(HistoryError::Empty(version))?).await?;
        let checksum = migration.checksum().to_string();
        transaction.execute(ADD_TO_HISTORY, &[&version, &migration.name(), &checksum]).await?;
    }
    if former == FormerProcesses::Superseded {
        transaction.batch_execute("DELETE FROM writers").await?;
    }
    Ok(transaction.commit().await?)
}

/// The newest migration that the database has. Each of them must be one of `migrations`.
async fn last_applied(
    transaction: &Transaction<'_>,
    migrations: &[Migration],
) -> Result<Option<i32>, Box<dyn std::error::Error + Send + Sync>> {
    let select = "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";
    let mut last = None;
    for row in transaction.query(select, &[]).await? {
        let (version, name, checksum): (i32, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let is_ours = |migration: &&Migration| {
            migration.version() == version
                && migration.name() == name
                && migration.checksum().to_string() == checksum
        };
        if migrations.iter().find(is_ours).is_none() {
            return Err(HistoryError::Foreign { version, name }.into());
        }
        last = Some(version);
    }
    Ok(last)
}
