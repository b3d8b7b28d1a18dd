//! What is opened, what is refused, and that a refused file is left as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use counterfoil_core::store::{Change, Store};
use counterfoil_sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;

use common::{Place, another_process, count_users, insert, task_of_a_child, user};

/// Refused, and nothing was created, changed or removed.
fn refused(place: &Place) -> OpenError {
    let before = place.files();
    let error = SqliteStore::open(&place.database()).unwrap_err();
    assert_eq!(place.files(), before, "{error}");
    assert!(!error.hint().is_empty() && !error.to_string().contains('\n'));
    error
}

/// A place with a closed database of one user.
async fn with_a_user() -> Place {
    let place = Place::new();
    let store = place.open();
    insert(&store, 1).await.unwrap();
    store.close().await.unwrap();
    place
}

/// Changes the file as another program would.
fn meddle(place: &Place, sql: &str) {
    Connection::open(place.database()).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn what_was_committed_is_there_when_the_store_is_opened_again() {
    let place = Place::new();
    for number in 0..5 {
        let store = place.open();
        assert_eq!(count_users(&store).await.unwrap(), usize::try_from(number).unwrap());
        insert(&store, number).await.unwrap();
        // Closed one time, dropped the other.
        if number % 2 == 0 {
            store.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_closed_store_leaves_one_whole_file() {
    let place = with_a_user().await;

    let names: Vec<_> = place.files().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(names, [place.database(), place.directory().join("auth.db.lock")]);
}

#[tokio::test]
async fn a_second_owner_is_refused_at_once_by_whatever_name() {
    let place = Place::new();
    let store = place.open();
    insert(&store, 1).await.unwrap();
    let alias = place.directory().join("alias.db");
    symlink(place.database(), &alias).unwrap();

    for path in [place.database(), alias, place.directory().join("./auth.db")] {
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
    }

    insert(&store, 2).await.unwrap();
    drop(store);
    assert_eq!(count_users(&place.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn an_owner_in_another_process_is_refused_and_harms_nobody() {
    let place = Place::new();
    let store = place.open();
    insert(&store, 1).await.unwrap();

    let output = another_process("", "open", &place.database()).output().unwrap();

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("is in use"), "{said}");
    insert(&store, 2).await.unwrap();
}

/// Not a test of its own: what another process does when one of the tests has started it.
#[tokio::test]
async fn child() {
    let Some((_, path)) = task_of_a_child() else { return };
    match SqliteStore::open(&path) {
        Ok(_) => println!("opened"),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
async fn a_cut_off_database_never_becomes_a_fresh_one() {
    let place = with_a_user().await;
    let whole = fs::read(place.database()).unwrap();

    for length in (0..whole.len()).step_by(1111).chain([16, 99, 100, 4096, 8192, whole.len() - 4096]) {
        fs::write(place.database(), &whole[..length]).unwrap();
        let error = refused(&place);
        assert!(matches!(error, OpenError::Damaged { .. }), "{length}: {error:?}");
    }

    fs::write(place.database(), &whole).unwrap();
    assert_eq!(count_users(&place.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_flipped_byte_is_refused_or_harmless_or_told_but_never_a_panic() {
    let place = with_a_user().await;
    let whole = fs::read(place.database()).unwrap();
    let (mut refused, mut opened) = (0, 0);

    for offset in (0..100).chain((100..whole.len()).step_by(whole.len() / 300)) {
        let mut damaged = whole.clone();
        damaged[offset] ^= 0xff;
        fs::write(place.database(), &damaged).unwrap();
        let Ok(store) = SqliteStore::open(&place.database()) else {
            assert_eq!(fs::read(place.database()).unwrap(), damaged, "a refused file was changed");
            refused += 1;
            continue;
        };
        opened += 1;
        // What is read is what was written, or an error, but never nothing.
        if let Ok(found) = store.user(user(1).id).await {
            assert!(
                found.is_some() || count_users(&store).await.is_ok_and(|count| count == 1),
                "at {offset}"
            );
        }
        let _ = insert(&store, 2).await;
        let _ = store.close().await;
        for rest in ["-wal", "-shm"] {
            let _ = fs::remove_file(place.directory().join(format!("auth.db{rest}")));
        }
    }
    println!("{refused} refused, {opened} opened");
    assert!(refused > 30 && opened > 30);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let place = Place::new();
    for text in ["", "users:\n  - ada\n", "SQLite format 3\0", &"x".repeat(10_000)] {
        fs::write(place.database(), text).unwrap();
        assert!(matches!(refused(&place), OpenError::Damaged { .. }), "{text:.20}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let place = Place::new();
    meddle(&place, "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1);");
    assert!(matches!(refused(&place), OpenError::Foreign { id: 0, .. }));

    meddle(&place, "PRAGMA application_id = 77");
    assert!(matches!(refused(&place), OpenError::Foreign { id: 77, .. }));
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let place = with_a_user().await;
    meddle(&place, "PRAGMA user_version = 2");

    let error = refused(&place);

    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error:?}");
    meddle(&place, "PRAGMA user_version = 1; UPDATE refinery_schema_history SET version = 2");
    assert!(matches!(refused(&place), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_newer_version_that_stands_in_the_log_alone_is_refused_and_kept() {
    let place = with_a_user().await;
    {
        let newer = Connection::open(place.database()).unwrap();
        newer
            .execute_batch(
                "PRAGMA wal_autocheckpoint = 0;
                 BEGIN;
                 PRAGMA user_version = 2;
                 INSERT INTO refinery_schema_history VALUES (2, 'next', '2026-11-23T12:00:00Z', '1');
                 COMMIT;",
            )
            .unwrap();
        newer.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    }
    let log = fs::read(place.directory().join("auth.db-wal")).unwrap();

    let error = SqliteStore::open(&place.database()).unwrap_err();

    assert!(matches!(error, OpenError::Newer { found: 2, .. }), "{error:?}");
    assert_eq!(fs::read(place.directory().join("auth.db-wal")).unwrap(), log);
}

#[tokio::test]
async fn a_database_without_one_of_its_tables_is_refused() {
    for table in ["users", "log_head", "counters"] {
        let place = with_a_user().await;
        meddle(&place, &format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}"));
        assert!(matches!(refused(&place), OpenError::Damaged { .. }), "{table}");
    }
    let place = with_a_user().await;
    meddle(&place, "DELETE FROM log_head");
    assert!(matches!(refused(&place), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_log_without_its_database_is_refused() {
    let place = Place::new();
    let log = place.directory().join("auth.db-wal");
    fs::write(&log, "what was committed last").unwrap();

    assert!(matches!(refused(&place), OpenError::LogWithoutDatabase(_)));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let place = with_a_user().await;
    let rights = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();

    rights(&place.database(), 0o400);
    assert!(matches!(refused(&place), OpenError::ReadOnly { .. }));
    rights(&place.database(), 0o600);
    rights(place.directory(), 0o500);
    assert!(matches!(refused(&place), OpenError::ReadOnly { .. }));
    rights(place.directory(), 0o700);

    assert_eq!(count_users(&place.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let place = Place::new();
    let error = SqliteStore::open(&place.directory().join("missing/auth.db")).unwrap_err();
    assert!(matches!(error, OpenError::NoDirectory(_)), "{error:?}");

    fs::create_dir(place.database()).unwrap();
    assert!(matches!(refused(&place), OpenError::NotAFile(_)));
    let error = SqliteStore::open(Path::new("/dev/null")).unwrap_err();
    assert!(matches!(error, OpenError::NotAFile(_)), "{error:?}");
}

#[tokio::test]
async fn nobody_else_may_read_what_is_kept() {
    let place = Place::new();
    let store = place.open();
    insert(&store, 1).await.unwrap();
    store.backup(&place.directory().join("copy.db")).await.unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(place.files().len(), 5);
    for (path, ..) in place.files() {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    // Copied here with the rights of other files.
    drop(store);
    fs::set_permissions(place.database(), Permissions::from_mode(0o644)).unwrap();
    let _store = place.open();
    assert_eq!(mode(&place.database()), 0o600);
}

#[tokio::test]
async fn what_a_killed_start_has_left_is_no_hindrance() {
    let place = Place::new();
    let mut left =
        OpenOptions::new().create(true).append(true).open(place.directory().join("auth.db.new")).unwrap();
    left.write_all(b"SQLite format 3\0 and then the power went").unwrap();

    let store = place.open();

    assert_eq!(count_users(&store).await.unwrap(), 0);
    assert!(!place.directory().join("auth.db.new").exists());
}

#[tokio::test]
async fn a_backup_is_a_store_and_overwrites_nothing() {
    let place = Place::new();
    let store = place.open();
    for number in 0..100 {
        insert(&store, number).await.unwrap();
    }
    let copy = place.directory().join("copy.db");

    // Work goes on meanwhile.
    let (done, inserted) = tokio::join!(store.backup(&copy), insert(&store, 100));
    done.unwrap();
    inserted.unwrap();
    assert!(store.backup(&copy).await.is_err());
    assert!(store.backup(&place.directory().join("missing/copy.db")).await.is_err());

    let copied = SqliteStore::open(&copy).unwrap();
    let count = count_users(&copied).await.unwrap();
    assert!((100..=101).contains(&count), "{count}");
    insert(&copied, 1000).await.unwrap();
    assert_eq!(count_users(&store).await.unwrap(), 101);
}

#[tokio::test]
async fn a_store_in_memory_leaves_nothing_behind() {
    let ours = || {
        fs::read_dir(std::env::temp_dir())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("counterfoil-"))
            .count()
    };
    let store = SqliteStore::in_memory().unwrap();
    let with = ours();
    store.commit(&[Change::InsertUser(Box::new(user(1)))]).await.unwrap().applied().unwrap();
    assert!(with > 0);

    let path = format!("{store:?}");
    drop(store);

    let path = path.split('"').nth(1).unwrap();
    assert!(path.contains("counterfoil-") && !Path::new(path).exists());
    assert!(!Path::new(path).parent().unwrap().exists());
}
