//! Opening a store: by several processes, and only if its tables can be used.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::{User, Username};
use counterfoil_core::store::{AuditEventQuery, Change, CommitOutcome, LoginName, Store, Transaction};
use counterfoil_postgres::{OpenError, PostgresInspection, PostgresStore};

use crate::fixture::{NOON, insert, open, server, user};

async fn open_error(url: &str) -> OpenError {
    PostgresStore::open(&url.parse().unwrap()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_have_the_store_open_and_a_later_one_finds_everything() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let (one, other) = tokio::join!(open(&url), open(&url));
    assert!(matches!(insert(&one, 1).await, Ok(CommitOutcome::Applied(_))));
    assert!(matches!(insert(&other, 2).await, Ok(CommitOutcome::Applied(_))));
    one.close().await.unwrap();
    other.close().await.unwrap();
    assert_eq!(server.sql(&url, "SELECT count(*) FROM writers"), "0");

    let store = open(&url).await;
    for number in [1, 2] {
        assert!(store.user(user(number).id).await.unwrap().is_some());
    }
    assert_eq!(store.newest_time().await.unwrap(), NOON);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_schemas_of_one_database_are_two_stores() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    server.sql(&url, "CREATE SCHEMA one; CREATE SCHEMA two");
    let one = open(&format!("{url}?options=-csearch_path%3Done")).await;
    let two = open(&format!("{url}?options=-csearch_path%3Dtwo")).await;

    assert!(matches!(insert(&one, 1).await, Ok(CommitOutcome::Applied(_))));

    assert!(two.user(user(1).id).await.unwrap().is_none());
    one.close().await.unwrap();
    two.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_and_another_encoding_are_refused() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    open(&url).await.close().await.unwrap();
    server.sql(&url, "INSERT INTO refinery_schema_history VALUES (99, 'later', '', '')");
    server.sql(&url, "UPDATE schema_compatibility SET min_reader = 98");
    let newer = open_error(&url).await;
    assert!(matches!(newer, OpenError::NewerSchema { found: 99, min_reader: 98, .. }), "{newer:?}");
    assert!(newer.to_string().contains("needs a program of version 98 or newer"), "{newer}");
    server.sql(&url, "DROP TABLE schema_compatibility");
    let newer = open_error(&url).await;
    assert!(matches!(newer, OpenError::NewerSchema { found: 99, min_reader: 99, .. }), "{newer:?}");

    server.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    let latin = open_error(&server.url("latin")).await;
    assert!(matches!(latin, OpenError::Encoding { .. }), "{latin:?}");

    let absent = open_error(&server.url("absent")).await;
    assert!(matches!(absent, OpenError::Unreachable { .. }), "{absent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_used_if_it_says_so_but_not_by_a_program_that_changes_the_whole_store() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    open(&url).await.close().await.unwrap();
    server.sql(&url, "INSERT INTO refinery_schema_history VALUES (99, 'later', '', '')");
    server.sql(&url, "ALTER TABLE users ADD COLUMN nickname text; CREATE TABLE nicknames (name text)");

    let store = open(&url).await;
    assert!(matches!(insert(&store, 1).await, Ok(CommitOutcome::Applied(_))));
    assert!(store.user(user(1).id).await.unwrap().is_some());
    store.close().await.unwrap();

    let parsed = url.parse().unwrap();
    let alone = PostgresStore::open_alone(&parsed).await.unwrap_err();
    assert!(matches!(alone, OpenError::NewerSchema { found: 99, .. }), "{alone:?}");
    let checked = PostgresInspection::open(&parsed).await.err().unwrap();
    assert!(matches!(checked, OpenError::NewerSchema { found: 99, .. }), "{checked:?}");
    let version = "SELECT max(version) FROM refinery_schema_history";
    assert_eq!(server.sql(&url, version), "99", "it migrates nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_locks_out_older_programs_waits_until_they_have_stopped() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let older = open(&url).await;
    // As the version before had it.
    server
        .sql(&url, "DROP TABLE schema_compatibility; DELETE FROM refinery_schema_history WHERE version >= 3");

    let refused = open_error(&url).await;
    assert!(matches!(refused, OpenError::InUseByOlder { .. }), "{refused:?}");
    assert!(matches!(insert(&older, 1).await, Ok(CommitOutcome::Applied(_))), "it was not disturbed");
    older.close().await.unwrap();
    server.sql(&url, "ALTER TABLE users DROP COLUMN password_change_required");

    let store = open(&url).await;
    assert_eq!(server.sql(&url, "SELECT min_reader FROM schema_compatibility"), "3");
    // Others may open it again.
    open(&url).await.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_from_before_the_rules_get_their_canonical_forms_and_no_user_is_locked_out() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    // As an earlier version stored them: without width mapping.
    let names = [(1, "ａｄａ"), (2, "ada"), (3, "ｇｒａｃｅ")];
    for (number, name) in names {
        let earlier = User { username: Username::from_stored(name.into(), name.into()), ..user(number) };
        let outcome = store.commit(&Transaction::new([Change::insert_user(earlier)])).await.unwrap();
        assert!(matches!(outcome, CommitOutcome::Applied(_)));
    }
    store.close().await.unwrap();
    server.sql(&url, "DELETE FROM metadata WHERE key = 'name_rules'; UPDATE users SET skeleton = NULL");

    for _ in 0..2 {
        let store = open(&url).await;
        let find = async |name: &str| {
            let login = LoginName::Username(name.into());
            store.user_by_login(&login).await.unwrap().map(|user| user.id)
        };
        assert_eq!(find("grace").await, Some(user(3).id));
        assert_eq!(find("ada").await, Some(user(2).id), "its owner keeps the name");
        assert_eq!(find("ａｄａ").await, Some(user(1).id), "the other one has the exact spelling");
        let skeletons = user(3).username.skeletons();
        assert!(store.user_by_skeletons(&skeletons).await.unwrap().is_none());
        store.close().await.unwrap();
    }
    assert_eq!(server.sql(&url, "SELECT count(*) FROM users WHERE skeleton IS NULL"), "0");
}

/// PostgreSQL refuses a NUL in a text. A client that sends one must get an answer, and not make the store look broken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_nul_is_stored_and_looked_up() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    let info = ClientInfo { user_agent: Some("a\0b\\0".into()), ..ClientInfo::default() };
    let event = AuditEvent::by_user(AuditEventKind::LoginSucceeded, user(1).id, &info, NOON);
    let event = event.with_detail("\0");

    let outcome = store.commit(&Transaction::new([Change::record_event(event.clone())])).await.unwrap();

    assert!(matches!(outcome, CommitOutcome::Applied(_)));
    let query = AuditEventQuery { limit: 1, ..AuditEventQuery::default() };
    assert_eq!(store.audit_events(&query).await.unwrap().rows, [(1, event)]);
    for login in [LoginName::Username("\0".into()), LoginName::Email("a\0@b".into())] {
        assert!(store.user_by_login(&login).await.unwrap().is_none());
    }
    store.close().await.unwrap();
}
