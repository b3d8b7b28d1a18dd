//! Databases of earlier versions: this version must open each one and read every record in it.
//!
//! `v1.db` has the schema version 1 and one record of each kind. A released file is never written again: a new schema
//! version adds a new file next to it, such as `v2.db`. Before the release of a schema version its file is written by:
//!
//! ```text
//! cargo test -p counterfoil-sqlite --test golden -- --ignored write_the_golden_database
//! ```

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

mod records;

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use counterfoil_core::model::client::Client;
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::Session;
use counterfoil_core::model::user::User;
use counterfoil_core::store::{
    AuditEventQuery, Change, CutoffScope, LoginName, NewRevocation, Page, SessionDataPatch, Store,
    Transaction,
};
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{RevocationEntry, RevocationPosition, SessionId};
use tempfile::TempDir;

use records::{METADATA, MINUTE, NOON, position, user_id};

/// The largest session data that the store may write.
const MAX_DATA_BYTES: usize = 4096;

fn golden_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.db")
}

/// A store on a copy of the golden database, which is deleted with the directory.
fn open_copy() -> (TempDir, Arc<SqliteStore>) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("auth.db");
    fs::copy(golden_file(), &path).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    (directory, store)
}

/// The schema version in the header of a database (SQLite file format, section 1.3: offset 60).
fn schema_version(database: &Path) -> u32 {
    let header = fs::read(database).unwrap();
    u32::from_be_bytes(header[60..64].try_into().unwrap())
}

fn first_page<C>() -> Page<C> {
    Page { after: None, limit: 1000 }
}

/// The other tests read every record of the upgraded database; this one reads them again after a restart.
#[tokio::test]
async fn a_database_of_version_1_is_upgraded_once_and_takes_new_records() {
    let (directory, store) = open_copy();
    let path = directory.path().join("auth.db");
    assert_eq!(schema_version(&golden_file()), 1);
    let external_id = ExternalId::from_json(&serde_json::json!("42")).unwrap();
    let previous = records::users()[1].clone();
    let changed = User { external_id: Some(external_id.clone()), revision: 1, ..previous };
    let opened = Session {
        id: SessionId::from_bytes([200; 16]),
        acr: Some("aal1".into()),
        audience: Some("https://shop.example".into()),
        ..records::active_sessions()[0].clone()
    };

    let changes = [Change::replace_user(changed.clone()), Change::insert_session(opened.clone())];
    let _ = store.commit(&Transaction::new(changes)).await.unwrap().applied().unwrap();
    store.close().await.unwrap();
    drop(store);

    assert!(schema_version(&path) > 1);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.user_by_external_id(&external_id).await.unwrap(), Some(changed.clone()));
    assert_eq!(store.session(opened.id).await.unwrap(), Some(opened));
    assert_eq!(store.users(first_page()).await.unwrap(), [records::users()[0].clone(), changed]);
    for session in records::active_sessions() {
        assert_eq!(store.session(session.id).await.unwrap(), Some(session));
    }
}

#[tokio::test]
async fn users_and_clients_are_read() {
    let (_directory, store) = open_copy();
    let users = records::users();

    for user in &users {
        assert_eq!(store.user(user.id).await.unwrap().as_ref(), Some(user));
        let by_name = LoginName::Username(user.username.folded().to_owned());
        assert_eq!(store.user_by_login(&by_name).await.unwrap().as_ref(), Some(user));
    }
    let by_email = LoginName::Email("ada@example.org".into());
    assert_eq!(store.user_by_login(&by_email).await.unwrap().as_ref(), Some(&users[0]));
    assert_eq!(store.users(first_page()).await.unwrap(), users);
    assert_eq!(store.client(&records::client_id()).await.unwrap(), Some(records::client()));
    assert_eq!(store.clients(first_page()).await.unwrap(), [Client::default_client(), records::client()]);
}

#[tokio::test]
async fn sessions_of_every_mode_and_end_reason_are_read() {
    let (_directory, store) = open_copy();

    for session in records::active_sessions().iter().chain(&records::ended_sessions()) {
        assert_eq!(store.session(session.id).await.unwrap().as_ref(), Some(session));
        let context = store.session_context(session.id).await.unwrap().unwrap();
        assert_eq!(&context.session, session);
        assert_eq!((context.user, context.client), (records::users()[0].clone(), records::client()));
        assert_eq!(context.global_cutoff, position(6));
        assert_eq!(context.revocation_log_head, position(6));
    }
    let mut newest_first = records::active_sessions();
    newest_first.reverse();
    let active = store.sessions_of(user_id(1), first_page(), NOON + MINUTE).await.unwrap();
    assert_eq!(active, newest_first);
}

#[tokio::test]
async fn session_data_is_read() {
    let (_directory, store) = open_copy();

    let data = store.session_data(records::active_sessions()[0].id).await.unwrap().unwrap();

    assert_eq!((data.members, data.revision), (records::session_data(), 1));
}

#[tokio::test]
async fn keys_of_every_state_and_admin_keys_are_read() {
    let (_directory, store) = open_copy();

    assert_eq!(store.keys().await.unwrap(), records::keys());
    assert_eq!(store.admin_keys(Page { after: None, limit: 100 }).await.unwrap(), records::admin_keys());
    for key in records::admin_keys() {
        assert_eq!(store.admin_key(key.id).await.unwrap(), Some(key));
    }
}

#[tokio::test]
async fn the_revocation_log_is_read() {
    let (_directory, store) = open_copy();

    let page = store.revocation_log_after(RevocationPosition::START, NonZeroU32::MAX).await.unwrap();

    let entries: Vec<RevocationEntry> = records::revocations().into_iter().map(|(entry, _)| entry).collect();
    assert_eq!((page.entries, page.head), (entries, position(6)));
    assert_eq!(store.revocation_log_head().await.unwrap(), position(6));
    assert_eq!(store.revocation_log_id().await.unwrap(), records::revocation_log_id());
}

#[tokio::test]
async fn audit_events_of_every_kind_are_read() {
    let (_directory, store) = open_copy();
    let query = AuditEventQuery { limit: 1000, ..AuditEventQuery::default() };

    let mut events = store.audit_events(&query).await.unwrap().rows;

    events.reverse();
    let expected: Vec<_> = (1..).zip(records::audit_events()).collect();
    assert_eq!(events, expected);
}

#[tokio::test]
async fn metadata_counters_and_the_newest_time_are_read() {
    let (_directory, store) = open_copy();
    let (key, value) = records::counter();

    assert_eq!(store.metadata(METADATA.0).await.unwrap().as_deref(), Some(METADATA.1));
    let counters = store.counters(&[key], NOON).await.unwrap();
    assert_eq!((counters[0].count, counters[0].resets_at), (value.count, value.resets_at));
    assert_eq!(store.newest_time().await.unwrap(), records::newest_time());
}

#[tokio::test]
#[ignore = "writes tests/golden/v<schema version>.db; only before that version is released"]
async fn write_the_golden_database() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("auth.db");
    let store = SqliteStore::open(&path).unwrap();
    for changes in [records_without_references(), sessions_and_keys(), logs()] {
        let _ = store.commit(&changes.into()).await.unwrap().applied().unwrap();
    }
    store.close().await.unwrap();
    let file = format!("v{}.db", schema_version(&path));
    fs::copy(&path, golden_file().with_file_name(file)).unwrap();
}

fn records_without_references() -> Vec<Change> {
    let (key, value) = records::counter();
    let mut changes: Vec<Change> = records::users().into_iter().map(Change::insert_user).collect();
    changes.push(Change::insert_client(records::client()));
    changes.extend(records::keys().into_iter().map(Change::insert_key));
    changes.push(Change::set_metadata(METADATA.0, METADATA.1.to_vec()));
    changes.push(Change::set_counter(key, value));
    changes
}

fn sessions_and_keys() -> Vec<Change> {
    let active = records::active_sessions();
    let with_data = active[0].id;
    let sessions = active.into_iter().chain(records::ended_sessions());
    let mut changes: Vec<Change> = sessions.map(Change::insert_session).collect();
    changes.push(Change::merge_data(SessionDataPatch {
        session: with_data,
        patch: records::session_data(),
        expected_revision: None,
        max_bytes: MAX_DATA_BYTES,
        max_bytes_of_user: None,
        now: NOON + MINUTE,
    }));
    changes.extend(records::admin_keys().into_iter().map(Change::insert_admin_key));
    changes
}

fn logs() -> Vec<Change> {
    let mut changes =
        vec![Change::start_revocation_log(records::revocation_log_id(), records::start_position())];
    changes.extend(records::revocations().into_iter().map(|(entry, reason)| {
        Change::append_revocation(NewRevocation {
            subject: entry.subject,
            reason,
            at: NOON,
            remember_until: entry.until,
            status_index: None,
        })
    }));
    changes.push(Change::set_cutoff(CutoffScope::Everyone));
    changes.extend(records::audit_events().into_iter().map(Change::record_event));
    changes
}
