//! Backups during writes, and restoring a backup in dir of a database.

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use counterfoil_core::store::{Change, FileBackup, Store};
use counterfoil_sqlite::{OpenError, PendingRestore, RestoreError, SqliteStore};
use rusqlite::Connection;
use tokio::task::JoinHandle;

use common::{DatabaseDir, count_users, insert, user};

/// A directory with a closed database of two users, and a backup of it from before the second one.
async fn with_backup() -> (DatabaseDir, PathBuf) {
    let dir = DatabaseDir::new();
    let backup = dir.directory().join("backup.db");
    let store = dir.open();
    insert(&store, 1).await.unwrap();
    store.backup(&backup).await.unwrap();
    insert(&store, 2).await.unwrap();
    store.close().await.unwrap();
    (dir, backup)
}

/// The error of preparing a restore. No file was created, changed or removed.
fn prepare_error(dir: &DatabaseDir, backup: &Path) -> RestoreError {
    let before = dir.files();
    let error = PendingRestore::prepare(backup, &dir.database()).unwrap_err();
    assert_eq!(dir.files(), before, "{error}");
    assert!(!error.hint().is_empty() && !error.to_string().contains('\n'));
    error
}

/// Commits users and metadata until `is_done`, and counts the acknowledged commits.
fn spawn_writer(
    store: &Arc<SqliteStore>,
    writer: usize,
    acknowledged: &Arc<AtomicU64>,
    is_done: &Arc<AtomicBool>,
) -> JoinHandle<()> {
    let (store, acknowledged, is_done) = (Arc::clone(store), Arc::clone(acknowledged), Arc::clone(is_done));
    tokio::spawn(async move {
        for number in 0.. {
            // Each commit has two changes that must be visible together or not at all.
            let key = ["one", "other"][writer];
            let number: u64 = number * 2 + writer as u64;
            let user = Change::insert_user(user(number));
            let metadata = Change::set_metadata(key, number.to_be_bytes().to_vec());
            let _ = store.commit(&[user, metadata].into()).await.unwrap().applied().unwrap();
            acknowledged.fetch_add(1, Ordering::SeqCst);
            if is_done.load(Ordering::SeqCst) {
                break;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_during_writes_holds_every_acknowledged_commit_and_no_partial_one() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    let (acknowledged, is_done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> =
        (0..2).map(|writer| spawn_writer(&store, writer, &acknowledged, &is_done)).collect();

    for iteration in 0..5 {
        let copy = dir.directory().join(format!("copy{iteration}.db"));
        while acknowledged.load(Ordering::SeqCst) < (iteration + 1) * 100 {
            tokio::task::yield_now().await;
        }
        let least = acknowledged.load(Ordering::SeqCst);
        store.backup(&copy).await.unwrap();
        let most = acknowledged.load(Ordering::SeqCst) + 2;

        let check: String = Connection::open(&copy)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        let copied = SqliteStore::open(&copy).unwrap();
        let users = count_users(&copied).await.unwrap() as u64;
        assert!((least..=most).contains(&users), "{least} <= {users} <= {most}");
        let mut commits = 0;
        for key in ["one", "other"] {
            if let Some(newest) = copied.metadata(key).await.unwrap() {
                commits += u64::from_be_bytes(newest.try_into().unwrap()) / 2 + 1;
            }
        }
        assert_eq!(commits, users, "the backup holds a partial commit");
    }
    is_done.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_restore_replaces_the_database_and_keeps_the_former_one() {
    let (dir, backup) = with_backup().await;
    // The newest commit of the former database is only in its WAL, as after a crash.
    let crashed = DatabaseDir::new();
    let store = dir.open();
    insert(&store, 3).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("auth.db{suffix}");
        fs::copy(dir.directory().join(&name), crashed.directory().join(&name)).unwrap();
    }
    drop(store);

    let restore = PendingRestore::prepare(&backup, &crashed.database()).unwrap();
    insert_into(&restore, 9).await;
    let former = restore.install().await.unwrap().unwrap();

    let restored = crashed.open();
    assert!(restored.user(user(9).id).await.unwrap().is_some());
    assert_eq!(count_users(&restored).await.unwrap(), 2);
    drop(restored);
    let former = SqliteStore::open(&former).unwrap();
    assert!(former.user(user(3).id).await.unwrap().is_some(), "its WAL was renamed with it");
    assert_eq!(count_users(&former).await.unwrap(), 3);
}

async fn insert_into(restore: &PendingRestore, number: u64) {
    let change = Change::insert_user(user(number));
    let _ = restore.store().commit(&[change].into()).await.unwrap().applied().unwrap();
}

#[tokio::test]
async fn a_restore_that_is_not_installed_changes_nothing() {
    let (dir, backup) = with_backup().await;
    let before = dir.files();

    let restore = PendingRestore::prepare(&backup, &dir.database()).unwrap();
    insert_into(&restore, 9).await;
    assert!(SqliteStore::open(&dir.database()).is_err(), "the database is locked during a restore");
    drop(restore);

    assert_eq!(dir.files(), before);
    assert_eq!(count_users(&dir.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_backup_is_restored_where_no_database_exists() {
    let (_elsewhere, backup) = with_backup().await;
    let dir = DatabaseDir::new();

    let former = PendingRestore::prepare(&backup, &dir.database()).unwrap().install().await.unwrap();

    assert_eq!(former, None);
    assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_can_be_restored_from_itself() {
    let (dir, _) = with_backup().await;

    let former = PendingRestore::prepare(&dir.database(), &dir.database()).unwrap().install().await.unwrap();

    assert!(former.is_some());
    assert_eq!(count_users(&dir.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn an_unusable_backup_is_refused() {
    let (dir, backup) = with_backup().await;
    let whole = fs::read(&backup).unwrap();
    let with_bytes_at = |offset: usize, bytes: [u8; 4]| {
        let mut changed = whole.clone();
        changed[offset..offset + 4].copy_from_slice(&bytes);
        changed
    };
    for (what, bytes) in [
        ("an empty one", Vec::new()),
        ("a text", b"no database".repeat(1000)),
        ("truncated in the middle", whole[..whole.len() / 2].to_vec()),
        ("truncated at a page", whole[..whole.len() - 4096].to_vec()),
        ("of another program", with_bytes_at(68, [0, 0, 7, 7])),
        ("of a newer version", with_bytes_at(60, [0, 1, 0, 0])),
    ] {
        fs::write(&backup, bytes).unwrap();
        let error = prepare_error(&dir, &backup);
        assert!(matches!(error, RestoreError::Backup(_)), "{what}: {error:?}");
    }
    fs::remove_file(&backup).unwrap();
    assert!(matches!(prepare_error(&dir, &backup), RestoreError::Backup(OpenError::Io { .. })));
    fs::create_dir(&backup).unwrap();
    assert!(matches!(prepare_error(&dir, &backup), RestoreError::Backup(OpenError::NotAFile(_))));
    assert_eq!(count_users(&dir.open()).await.unwrap(), 2);
}

/// A trigger in it would undo each logout.
#[tokio::test]
async fn a_backup_with_a_changed_schema_is_refused() {
    let (dir, backup) = with_backup().await;
    let changed = Connection::open(&backup).unwrap();
    changed
        .execute_batch(
            "CREATE TRIGGER undo AFTER UPDATE OF ended_at ON sessions BEGIN
                UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = NEW.id; END",
        )
        .unwrap();
    drop(changed);

    let error = prepare_error(&dir, &backup);

    assert!(matches!(error, RestoreError::Backup(OpenError::ChangedSchema { .. })), "{error:?}");
    assert!(error.source_text().contains("the trigger `undo` of `sessions`"), "{error:?}");
    assert!(error.hint().contains("before the change"));
}

#[tokio::test]
async fn a_backup_of_a_schema_that_was_changed_meanwhile_fails() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    Connection::open(dir.database()).unwrap().execute_batch("CREATE VIEW v AS SELECT 1").unwrap();
    let backup = dir.directory().join("backup.db");

    let error = store.backup(&backup).await.unwrap_err();

    assert!(format!("{error:?}").contains("the view `v`"), "{error:?}");
    assert!(!backup.exists());
}

#[tokio::test]
async fn every_damaged_page_is_found_before_the_restore() {
    let (dir, backup) = with_backup().await;
    let whole = fs::read(&backup).unwrap();
    let mut refused = 0;
    // Every page except the first.
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..page * 4096 + 16].fill(0xff);
        fs::write(&backup, damaged).unwrap();
        let before = dir.files();
        match PendingRestore::prepare(&backup, &dir.database()) {
            Ok(restore) => drop(restore),
            Err(error) => {
                assert!(error.source_text().contains("backup.db"), "{error:?}");
                refused += 1;
            }
        }
        assert_eq!(dir.files(), before);
    }
    println!("{refused} of {} damaged pages refused", whole.len() / 4096 - 1);
    assert_eq!(refused, whole.len() / 4096 - 1);
}

/// The text of the cause of an error.
trait SourceText {
    fn source_text(&self) -> String;
}

impl SourceText for RestoreError {
    fn source_text(&self) -> String {
        std::error::Error::source(self).map(ToString::to_string).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_database_in_use_is_neither_replaced_nor_copied() {
    let (dir, backup) = with_backup().await;
    let (served, restored) = (dir.open(), SqliteStore::open(&backup).unwrap());
    let (elsewhere, another) = with_backup().await;

    let in_use = PendingRestore::prepare(&another, &dir.database()).unwrap_err();
    let written_to = prepare_error(&elsewhere, &backup);

    assert!(matches!(in_use, RestoreError::Database(OpenError::InUse { .. })), "{in_use:?}");
    assert!(matches!(written_to, RestoreError::Backup(OpenError::InUse { .. })), "{written_to:?}");
    drop((served, restored));
    assert!(PendingRestore::prepare(&another, &dir.database()).is_ok());
}

#[tokio::test]
async fn a_backup_copied_over_a_database_is_refused_while_the_old_wal_is_left() {
    let (dir, backup) = with_backup().await;
    let store = dir.open();
    for number in 10..30 {
        insert(&store, number).await.unwrap();
    }
    // As after a crash: the WAL is left, and an operator copies the backup over the database.
    let wal = fs::read(dir.directory().join("auth.db-wal")).unwrap();
    drop(store);
    fs::copy(&backup, dir.database()).unwrap();
    fs::write(dir.directory().join("auth.db-wal"), &wal).unwrap();
    let before = dir.files();

    let error = SqliteStore::open(&dir.database()).unwrap_err();

    assert!(error.to_string().contains("another database"), "{error}");
    assert_eq!(dir.files(), before);
    PendingRestore::prepare(&backup, &dir.database()).unwrap().install().await.unwrap();
    assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn each_database_has_its_own_revocation_log_id_and_a_backup_keeps_it() {
    let (dir, backup) = with_backup().await;
    let (other, _) = with_backup().await;

    let id = dir.open().revocation_log_id().await.unwrap();

    assert_eq!(SqliteStore::open(&backup).unwrap().revocation_log_id().await.unwrap(), id);
    assert_ne!(other.open().revocation_log_id().await.unwrap(), id);
}
