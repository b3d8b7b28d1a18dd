//! Starts on tables of an older version: several at the same time, and one that is interrupted.

use std::time::{Duration, Instant};

use counterfoil_core::model::user::{User, Username};
use counterfoil_core::store::{Change, CommitOutcome, Store, Transaction};
use counterfoil_postgres::{OpenError, PostgresStore};
use counterfoil_test_support::PostgresServer;
use tokio::time::sleep;

use crate::cutting_proxy::CuttingProxy;
use crate::fixture::{insert, open, server, user};

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The migrations before the newest one, as they were released.
const FORMER_MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/V1__initial_schema.sql"),
    include_str!("../../migrations/V2__nodes.sql"),
    include_str!("../../migrations/V3__min_reader.sql"),
];

const COUNT_WRITERS: &str = "SELECT count(*) FROM writers";
const NEWEST: &str = "SELECT max(version) FROM refinery_schema_history";

/// A database with the tables of this version; 0 is an empty one.
async fn database_of_version(server: &PostgresServer, version: usize) -> String {
    let url = server.new_database();
    if version == 0 {
        return url;
    }
    let current = server.new_database();
    open(&current).await.close().await.unwrap();
    let rows = server.sql(
        &current,
        &format!(
            "SELECT string_agg(format('(%s, %L, %L, %L)', version, name, applied_on, checksum), ', ')
             FROM refinery_schema_history WHERE version <= {version}"
        ),
    );
    let history = "CREATE TABLE refinery_schema_history (
        version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))";
    server.sql(&url, &format!("{history}; INSERT INTO refinery_schema_history VALUES {rows}"));
    for migration in &FORMER_MIGRATIONS[..version] {
        server.sql(&url, migration);
    }
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_starts_at_once_on_older_tables_one_migrates_and_all_use_the_store() {
    let Some(server) = server() else { return };
    for round in 0..10 {
        let version = round % 4;
        let url = database_of_version(server, version).await;

        let (one, two, three) = tokio::join!(open(&url), open(&url), open(&url));

        for (store, number) in [(one, 1), (two, 2), (three, 3)] {
            let outcome = insert(&store, number).await;
            assert!(matches!(outcome, Ok(CommitOutcome::Applied(_))), "from version {version}: {outcome:?}");
            store.close().await.unwrap();
        }
        let migrations =
            "SELECT string_agg(version::text, ' ' ORDER BY version) FROM refinery_schema_history";
        assert_eq!(server.sql(&url, migrations), "1 2 3 4");
        assert_eq!(server.sql(&url, "SELECT count(*) FROM clients"), "1");
        assert_eq!(server.sql(&url, COUNT_WRITERS), "0");
    }
}

/// The migration and the removal of the processes that it locks out are one transaction: a start that is interrupted between
/// them leaves neither tables of the new version with writers of the old one, nor tables of the old one without them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_is_interrupted_in_a_migration_leaves_everything_as_it_was() {
    let Some(server) = server() else { return };
    let url = database_of_version(server, 2).await;
    // A process of the version before, which was cut off from the database.
    server.sql(
        &url,
        "INSERT INTO writers (id, epoch, last_commit) VALUES (decode(repeat('07', 16), 'hex'), 1, '')",
    );
    server.sql(
        &url,
        "CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(60); RETURN OLD; END $$;
         CREATE TRIGGER stand_still BEFORE DELETE ON writers FOR EACH ROW EXECUTE FUNCTION stand_still()",
    );
    let starting = tokio::spawn({
        let url = url.parse().unwrap();
        async move { PostgresStore::open(&url).await.map(drop) }
    });
    let removal = "FROM pg_stat_activity WHERE datname = current_database() AND query = 'DELETE FROM writers'
                   AND state = 'active'";
    let started = Instant::now();
    while server.sql(&url, &format!("SELECT count(*) {removal}")) != "1" {
        assert!(started.elapsed() < PATIENCE, "it has not come to the removal");
        sleep(Duration::from_millis(20)).await;
    }

    server.sql(&url, &format!("SELECT count(pg_terminate_backend(pid)) {removal}"));

    let interrupted = starting.await.unwrap();
    assert!(matches!(interrupted, Err(OpenError::Schema { .. })), "{interrupted:?}");
    assert_eq!(server.sql(&url, NEWEST), "2");
    assert_eq!(server.sql(&url, "SELECT to_regclass('schema_compatibility') IS NULL"), "t");
    assert_eq!(server.sql(&url, COUNT_WRITERS), "1");

    server.sql(&url, "DROP FUNCTION stand_still CASCADE");
    let store = open(&url).await;
    assert_eq!(server.sql(&url, NEWEST), "4");
    assert_eq!(server.sql(&url, COUNT_WRITERS), "1", "its own row, and not that of the former process");
    assert_eq!(
        server.sql(&url, "SELECT count(*) FROM writers WHERE id = decode(repeat('07', 16), 'hex')"),
        "0"
    );
    store.close().await.unwrap();
}

/// As a network that lost every connection of an older server, while the others were stopped and upgraded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_process_that_was_cut_off_during_a_migration_writes_nothing_afterwards() {
    let Some(server) = server() else { return };
    let direct = server.new_database();
    let proxy = CuttingProxy::start(server);
    let older = open(&proxy.url(&direct)).await;
    server.sql(
        &direct,
        "DROP TABLE schema_compatibility; ALTER TABLE users DROP COLUMN password_change_required;
         DELETE FROM refinery_schema_history WHERE version >= 3",
    );
    proxy.accept(false);
    server.sql(
        &direct,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    open(&direct).await.close().await.unwrap();
    proxy.accept(true);

    let started = Instant::now();
    let last = loop {
        match insert(&older, 1).await {
            Err(counterfoil_core::store::StoreError::Unavailable { .. }) if started.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(50)).await;
            }
            other => break other,
        }
    };
    assert!(matches!(last, Err(counterfoil_core::store::StoreError::Poisoned)), "{last:?}");
    assert_eq!(server.sql(&direct, "SELECT count(*) FROM users"), "0");
}

/// The rules for names of a newer version may be newer too. An older version that wrote its own forms again would make two
/// users of one name, or lock one of them out, until the newer one starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_program_leaves_the_names_in_a_newer_store_as_they_are() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    let by_other_rules =
        User { username: Username::from_stored("ａｄａ".into(), "ａｄａ".into()), ..user(1) };
    let outcome = store.commit(&Transaction::new([Change::insert_user(by_other_rules)])).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Applied(_)));
    store.close().await.unwrap();
    server.sql(
        &url,
        "INSERT INTO refinery_schema_history VALUES (99, 'later', '', '');
         UPDATE users SET has_earlier_form = true;
         UPDATE metadata SET value = 'later' WHERE key = 'name_rules'",
    );
    let names = "SELECT username, username_folded, skeleton, has_earlier_form FROM users";
    let rules = "SELECT encode(value, 'escape') FROM metadata WHERE key = 'name_rules'";
    let before = server.sql(&url, names);

    open(&url).await.close().await.unwrap();

    assert_eq!((server.sql(&url, names), server.sql(&url, rules)), (before, "later".to_owned()));

    // The newer version, whose rules these are.
    server.sql(&url, "DELETE FROM refinery_schema_history WHERE version = 99");
    open(&url).await.close().await.unwrap();
    assert_ne!(server.sql(&url, rules), "later");
    assert_eq!(server.sql(&url, "SELECT username_folded FROM users"), "ada");
}
