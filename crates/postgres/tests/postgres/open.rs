//! Opening a store: by one process at a time, and only if its tables can be used.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::store::{AuditEventQuery, Change, CommitOutcome, LoginName, Store, Transaction};
use counterfoil_postgres::{OpenError, PostgresStore};

use crate::fixture::{NOON, insert, open, server, user};

async fn open_error(url: &str) -> OpenError {
    PostgresStore::open(&url.parse().unwrap()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_has_the_store_open_and_the_next_finds_everything() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    assert!(matches!(insert(&store, 1).await, Ok(CommitOutcome::Applied(_))));

    let refused = open_error(&url).await;
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    store.close().await.unwrap();

    let store = open(&url).await;
    assert!(store.user(user(1).id).await.unwrap().is_some());
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
    let newer = open_error(&url).await;
    assert!(matches!(newer, OpenError::NewerSchema { found: 99, .. }), "{newer:?}");

    server.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    let latin = open_error(&server.url("latin")).await;
    assert!(matches!(latin, OpenError::Encoding { .. }), "{latin:?}");

    let absent = open_error(&server.url("absent")).await;
    assert!(matches!(absent, OpenError::Unreachable { .. }), "{absent:?}");
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
