//! Runs the migrations in one transaction, together with what must become true at the same moment.

use std::time::{Duration, Instant};

use refinery::Migration;
use tokio::time::sleep;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::error::OpenError;
use crate::lock_holders;

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

/// How long the migrations are tried again if another program holds a lock that they need.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(60);

/// How long one statement of an attempt waits for a lock. Every commit waits behind a migration that waits for a table, and a server
/// gives a commit up after a second, so that two such waits are shorter.
const LOCK_TIMEOUT: Duration = Duration::from_millis(400);

/// How often it is reported who holds a lock.
const REPORT_INTERVAL: Duration = Duration::from_secs(15);

/// The time between two attempts, in which servers work.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Any error of the server or of the connection.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the migrations have not run. Nothing was changed.
#[derive(Debug)]
pub(crate) enum MigrationError {
    /// Another program held a lock that they need, for the whole time.
    Blocked {
        /// How long they were tried.
        waited: Duration,
        /// Who holds such locks, as a sentence.
        holders: String,
    },
    /// They fail.
    Failed(Source),
}

impl MigrationError {
    /// The error of the store in `database`.
    pub(crate) fn into_open_error(self, database: &str) -> OpenError {
        let database = database.to_owned();
        match self {
            Self::Blocked { waited, holders } => OpenError::MigrationBlocked { database, waited, holders },
            Self::Failed(source) => OpenError::Schema { database, source },
        }
    }
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
/// If another program holds a lock that they need, such as a backup that reads a table, they are tried again until `max_wait` is
/// over.
pub(crate) async fn run(
    client: &mut Client,
    mut migrations: Vec<Migration>,
    former: FormerProcesses,
    commit_lock: &str,
    max_wait: Duration,
) -> Result<(), MigrationError> {
    migrations.sort_by_key(Migration::version);
    let started = Instant::now();
    let mut reported: Option<Instant> = None;
    loop {
        match try_to_run(client, &migrations, former, commit_lock).await {
            Ok(()) => return Ok(()),
            Err(error) if !is_lock_timeout(&*error) => return Err(MigrationError::Failed(error)),
            Err(_) => {}
        }
        let holders = lock_holders::describe(client, commit_lock).await;
        let holders = holders.map_err(|error| MigrationError::Failed(error.into()))?;
        let waited = started.elapsed();
        if waited >= max_wait {
            return Err(MigrationError::Blocked { waited, holders });
        }
        if reported.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            tracing::warn!(
                holders,
                seconds_left = (max_wait - waited).as_secs(),
                "the tables cannot be migrated, because another program holds a lock that this needs; it is tried again"
            );
            reported = Some(Instant::now());
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Whether a statement has waited too long for a lock, or two programs waited for each other.
fn is_lock_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let code = error.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
    code.is_some_and(|code| *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::T_R_DEADLOCK_DETECTED)
}

/// One attempt, in one transaction.
///
/// No other process commits meanwhile: a commit that has a lock of one table and waits for another could make the migration fail.
/// A statement of a migration may take as long as it takes, so the time limit of the session does not hold for it.
async fn try_to_run(
    client: &mut Client,
    migrations: &[Migration],
    former: FormerProcesses,
    commit_lock: &str,
) -> Result<(), Source> {
    let transaction = client.transaction().await?;
    let limits =
        format!("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis());
    transaction.batch_execute(&limits).await?;
    transaction.execute(&format!("SELECT pg_advisory_xact_lock({commit_lock})"), &[]).await?;
    transaction.batch_execute(CREATE_HISTORY).await?;
    let last = last_applied(&transaction, migrations).await?;
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
) -> Result<Option<i32>, Source> {
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

#[cfg(test)]
mod tests {
    use counterfoil_test_support::{PostgresServer, skip};
    use tokio_postgres::NoTls;

    use super::*;

    const LOCK: &str = "hashtextextended('counterfoil commit ' || current_schema(), 0)";

    /// A client with the session settings of a start.
    async fn client(url: &str) -> Client {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET statement_timeout = 2000; SET lock_timeout = 1000").await.unwrap();
        client
    }

    fn migrations() -> Vec<Migration> {
        let sql = [("V1__a", "CREATE TABLE a (x int)"), ("V2__b", "ALTER TABLE a ADD COLUMN y int")];
        sql.map(|(name, sql)| Migration::unapplied(name, sql).unwrap()).into()
    }

    async fn run_on(url: &str, count: usize, max_wait: Duration) -> Result<(), MigrationError> {
        let mut client = client(url).await;
        run(&mut client, migrations()[..count].to_vec(), FormerProcesses::Admitted, LOCK, max_wait).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_migration_waits_for_the_lock_of_another_program_and_says_which_it_is() {
        let Some(server) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
        let url = server.new_database();
        run_on(&url, 1, Duration::ZERO).await.unwrap();
        let backup = client(&url).await;
        let hold = "SET application_name = 'nightly-backup'; BEGIN; LOCK TABLE a IN ACCESS SHARE MODE";
        backup.batch_execute(hold).await.unwrap();

        let blocked = run_on(&url, 2, Duration::from_millis(1)).await;
        let Err(MigrationError::Blocked { waited, holders }) = blocked else { panic!("{blocked:?}") };
        assert!(waited >= LOCK_TIMEOUT, "{waited:?}");
        assert!(holders.contains("nightly-backup") && holders.contains("AccessShareLock on a"), "{holders}");
        let shown = MigrationError::Blocked { waited, holders }.into_open_error("db");
        assert!(shown.to_string().contains("nightly-backup"), "{shown}");

        // Without other attempts it fails: the lock is given back after the time limit of the first.
        let released = tokio::spawn(async move {
            sleep(LOCK_TIMEOUT + RETRY_INTERVAL).await;
            backup.batch_execute("COMMIT").await.unwrap();
        });
        run_on(&url, 2, Duration::from_secs(60)).await.unwrap();
        released.await.unwrap();
        assert_eq!(server.sql(&url, "SELECT count(y) FROM a"), "0");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_migration_waits_for_a_commit_and_fails_at_once_for_another_reason() {
        let Some(server) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
        let url = server.new_database();
        let writer = client(&url).await;
        writer.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})")).await.unwrap();
        let blocked = run_on(&url, 1, Duration::ZERO).await;
        let Err(MigrationError::Blocked { holders, .. }) = blocked else { panic!("{blocked:?}") };
        assert!(holders.contains("the lock of commits"), "{holders}");
        writer.batch_execute("COMMIT").await.unwrap();

        server.sql(&url, "CREATE TABLE a (z int)");
        let failed = run_on(&url, 1, Duration::from_secs(600)).await;
        assert!(matches!(failed, Err(MigrationError::Failed(_))), "{failed:?}");
    }
}
