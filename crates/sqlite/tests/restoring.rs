//! A backup while everybody writes, and a backup that takes the place of a database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use counterfoil_core::store::{Change, Store};
use counterfoil_sqlite::{OpenError, RestoreError, Restoring, SqliteStore};
use rusqlite::Connection;

use common::{Place, count_users, insert, user};

/// A place with a closed database of one user, and a backup of it, after which came a second user.
async fn with_a_backup() -> (Place, PathBuf) {
    let place = Place::new();
    let backup = place.directory().join("backup.db");
    let store = place.open();
    insert(&store, 1).await.unwrap();
    store.backup(&backup).await.unwrap();
    insert(&store, 2).await.unwrap();
    store.close().await.unwrap();
    (place, backup)
}

/// Refused, and nothing was created, changed or removed.
fn refused(place: &Place, backup: &Path) -> RestoreError {
    let before = place.files();
    let error = Restoring::begin(backup, &place.database()).unwrap_err();
    assert_eq!(place.files(), before, "{error}");
    assert!(!error.hint().is_empty() && !error.to_string().contains('\n'));
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_at_full_speed_holds_what_was_acknowledged_and_no_half_commit() {
    let place = Place::new();
    let store = place.open();
    let (acknowledged, is_done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let (store, acknowledged, is_done) =
                (Arc::clone(&store), Arc::clone(&acknowledged), Arc::clone(&is_done));
            tokio::spawn(async move {
                for number in 0.. {
                    // Each commit is two halves that are seen together or not at all.
                    let fact = ["one", "other"][writer];
                    let number: u64 = number * 2 + writer as u64;
                    let user = Change::InsertUser(Box::new(user(number)));
                    let fact = Change::SetMetadata(fact, number.to_be_bytes().to_vec());
                    let _ = store.commit(&[user, fact]).await.unwrap().applied().unwrap();
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                    if is_done.load(Ordering::SeqCst) {
                        break;
                    }
                }
            })
        })
        .collect();

    for round in 0..5 {
        let copy = place.directory().join(format!("copy{round}.db"));
        while acknowledged.load(Ordering::SeqCst) < (round + 1) * 100 {
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
        let mut told = 0;
        for fact in ["one", "other"] {
            if let Some(newest) = copied.fact(fact).await.unwrap() {
                told += u64::from_be_bytes(newest.try_into().unwrap()) / 2 + 1;
            }
        }
        assert_eq!(told, users, "a commit was torn");
    }
    is_done.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_takes_the_place_and_the_former_database_is_kept() {
    let (place, backup) = with_a_backup().await;
    // The newest commit of the former database stands in its log alone, as after a crash.
    let crashed = Place::new();
    let store = place.open();
    insert(&store, 3).await.unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("auth.db{suffix}");
        fs::copy(place.directory().join(&name), crashed.directory().join(&name)).unwrap();
    }
    drop(store);

    let restoring = Restoring::begin(&backup, &crashed.database()).unwrap();
    insert_into(&restoring, 9).await;
    let former = restoring.put().await.unwrap().unwrap();

    let restored = crashed.open();
    assert!(restored.user(user(9).id).await.unwrap().is_some());
    assert_eq!(count_users(&restored).await.unwrap(), 2);
    drop(restored);
    let former = SqliteStore::open(&former).unwrap();
    assert!(former.user(user(3).id).await.unwrap().is_some(), "its log went with it");
    assert_eq!(count_users(&former).await.unwrap(), 3);
}

async fn insert_into(restoring: &Restoring, number: u64) {
    let change = Change::InsertUser(Box::new(user(number)));
    let _ = restoring.store().commit(&[change]).await.unwrap().applied().unwrap();
}

#[tokio::test]
async fn what_is_not_put_in_place_changes_nothing() {
    let (place, backup) = with_a_backup().await;
    let before = place.files();

    let restoring = Restoring::begin(&backup, &place.database()).unwrap();
    insert_into(&restoring, 9).await;
    assert!(SqliteStore::open(&place.database()).is_err(), "nobody opens it meanwhile");
    drop(restoring);

    assert_eq!(place.files(), before);
    assert_eq!(count_users(&place.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_backup_is_put_where_nothing_was() {
    let (_elsewhere, backup) = with_a_backup().await;
    let place = Place::new();

    let former = Restoring::begin(&backup, &place.database()).unwrap().put().await.unwrap();

    assert_eq!(former, None);
    assert_eq!(count_users(&place.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_may_take_its_own_place() {
    let (place, _) = with_a_backup().await;

    let former = Restoring::begin(&place.database(), &place.database()).unwrap().put().await.unwrap();

    assert!(former.is_some());
    assert_eq!(count_users(&place.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn what_is_no_good_backup_is_refused() {
    let (place, backup) = with_a_backup().await;
    let whole = fs::read(&backup).unwrap();
    let at = |place: usize, bytes: [u8; 4]| {
        let mut changed = whole.clone();
        changed[place..place + 4].copy_from_slice(&bytes);
        changed
    };
    for (what, bytes) in [
        ("an empty one", Vec::new()),
        ("a text", b"no database".repeat(1000)),
        ("one cut off in the middle", whole[..whole.len() / 2].to_vec()),
        ("one cut off at a page", whole[..whole.len() - 4096].to_vec()),
        ("one of another program", at(68, [0, 0, 7, 7])),
        ("one of a newer version", at(60, [0, 0, 0, 9])),
    ] {
        fs::write(&backup, bytes).unwrap();
        let error = refused(&place, &backup);
        assert!(matches!(error, RestoreError::Backup(_)), "{what}: {error:?}");
    }
    fs::remove_file(&backup).unwrap();
    assert!(matches!(refused(&place, &backup), RestoreError::Backup(OpenError::Io { .. })));
    fs::create_dir(&backup).unwrap();
    assert!(matches!(refused(&place, &backup), RestoreError::Backup(OpenError::NotAFile(_))));
    assert_eq!(count_users(&place.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_damaged_page_is_found_before_it_is_served() {
    let (place, backup) = with_a_backup().await;
    let whole = fs::read(&backup).unwrap();
    let mut refused = 0;
    // Every page but the first, in the middle of what is used of it.
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..page * 4096 + 16].fill(0xff);
        fs::write(&backup, damaged).unwrap();
        let before = place.files();
        match Restoring::begin(&backup, &place.database()) {
            Ok(restoring) => drop(restoring),
            Err(error) => {
                assert!(error.source_text().contains("backup.db"), "{error:?}");
                refused += 1;
            }
        }
        assert_eq!(place.files(), before);
    }
    println!("{refused} of {} damaged pages refused", whole.len() / 4096 - 1);
    assert_eq!(refused, whole.len() / 4096 - 1);
}

/// What the cause of an error says.
trait SourceText {
    fn source_text(&self) -> String;
}

impl SourceText for RestoreError {
    fn source_text(&self) -> String {
        std::error::Error::source(self).map(ToString::to_string).unwrap_or_default()
    }
}

#[tokio::test]
async fn what_somebody_has_open_is_neither_replaced_nor_copied() {
    let (place, backup) = with_a_backup().await;
    let (served, restored) = (place.open(), SqliteStore::open(&backup).unwrap());
    let (elsewhere, another) = with_a_backup().await;

    let taken = Restoring::begin(&another, &place.database()).unwrap_err();
    let written_to = refused(&elsewhere, &backup);

    assert!(matches!(taken, RestoreError::Place(OpenError::InUse(_))), "{taken:?}");
    assert!(matches!(written_to, RestoreError::Backup(OpenError::InUse(_))), "{written_to:?}");
    drop((served, restored));
    assert!(Restoring::begin(&another, &place.database()).is_ok());
}

#[tokio::test]
async fn a_backup_that_was_copied_over_a_database_is_not_torn_apart_by_its_log() {
    let (place, backup) = with_a_backup().await;
    let store = place.open();
    for number in 10..30 {
        insert(&store, number).await.unwrap();
    }
    // As after a crash: the log stays behind, and an operator copies the backup over the database.
    let log = fs::read(place.directory().join("auth.db-wal")).unwrap();
    drop(store);
    fs::copy(&backup, place.database()).unwrap();
    fs::write(place.directory().join("auth.db-wal"), &log).unwrap();
    let before = place.files();

    let error = SqliteStore::open(&place.database()).unwrap_err();

    assert!(error.to_string().contains("another database"), "{error}");
    assert_eq!(place.files(), before);
    Restoring::begin(&backup, &place.database()).unwrap().put().await.unwrap();
    assert_eq!(count_users(&place.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn each_database_has_a_log_of_its_own_and_a_backup_has_that_of_its_origin() {
    let (place, backup) = with_a_backup().await;
    let (other, _) = with_a_backup().await;

    let ours = place.open().log_id().await.unwrap();

    assert_eq!(SqliteStore::open(&backup).unwrap().log_id().await.unwrap(), ours);
    assert_ne!(other.open().log_id().await.unwrap(), ours);
}
