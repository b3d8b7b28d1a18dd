//! Opening a database: which files are opened, which are refused, and that a refused file stays unchanged.

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

mod common;

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use counterfoil_core::store::{Change, FileBackup, Store};
use counterfoil_sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

use common::{DatabaseDir, child_process, child_task, count_users, insert, user};

/// The error of opening the database. No file was created, changed or removed.
fn open_error(dir: &DatabaseDir) -> OpenError {
    let before = dir.files();
    let error = SqliteStore::open(&dir.database()).unwrap_err();
    assert_eq!(dir.files(), before, "{error}");
    assert!(!error.hint().is_empty() && !error.to_string().contains('\n'));
    error
}

/// A directory with a closed database of one user.
async fn with_one_user() -> DatabaseDir {
    let dir = DatabaseDir::new();
    let store = dir.open();
    insert(&store, 1).await.unwrap();
    store.close().await.unwrap();
    dir
}

/// Changes the file as another program would.
fn execute(dir: &DatabaseDir, sql: &str) {
    Connection::open(dir.database()).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn commits_survive_reopening() {
    let dir = DatabaseDir::new();
    for number in 0..5 {
        let store = dir.open();
        assert_eq!(count_users(&store).await.unwrap(), usize::try_from(number).unwrap());
        insert(&store, number).await.unwrap();
        // Alternately closed and dropped.
        if number % 2 == 0 {
            store.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_closed_store_leaves_one_complete_file() {
    let dir = with_one_user().await;

    let names: Vec<_> = dir.files().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(names, [dir.database(), dir.directory().join("auth.db.lock")]);
}

#[tokio::test]
async fn a_second_store_is_refused_under_every_path_to_the_file() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    insert(&store, 1).await.unwrap();
    let alias = dir.directory().join("alias.db");
    symlink(dir.database(), &alias).unwrap();

    for path in [dir.database(), alias, dir.directory().join("./auth.db")] {
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    }

    insert(&store, 2).await.unwrap();
    drop(store);
    assert_eq!(count_users(&dir.open()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_second_process_is_refused_and_the_first_continues() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    insert(&store, 1).await.unwrap();

    let output = child_process("", "open", &dir.database()).output().unwrap();

    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("is in use"), "{printed}");
    insert(&store, 2).await.unwrap();
}

/// Not a test: the code of the child processes that the tests start.
#[tokio::test]
async fn child() {
    let Some((_, path)) = child_task() else { return };
    match SqliteStore::open(&path) {
        Ok(_) => println!("opened"),
        Err(error) => println!("{error}"),
    }
}

#[tokio::test]
async fn a_truncated_database_is_refused_and_never_becomes_a_new_one() {
    let dir = with_one_user().await;
    let whole = fs::read(dir.database()).unwrap();

    for length in (0..whole.len()).step_by(1111).chain([16, 99, 100, 4096, 8192, whole.len() - 4096]) {
        fs::write(dir.database(), &whole[..length]).unwrap();
        let error = open_error(&dir);
        assert!(matches!(error, OpenError::Damaged { .. }), "{length}: {error:?}");
    }

    fs::write(dir.database(), &whole).unwrap();
    assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_flipped_byte_is_refused_or_reported_or_harmless_and_never_panics() {
    let dir = with_one_user().await;
    let whole = fs::read(dir.database()).unwrap();
    let (mut refused, mut opened) = (0, 0);

    for offset in (0..100).chain((100..whole.len()).step_by(whole.len() / 300)) {
        let mut damaged = whole.clone();
        damaged[offset] ^= 0xff;
        fs::write(dir.database(), &damaged).unwrap();
        let Ok(store) = SqliteStore::open(&dir.database()) else {
            assert_eq!(fs::read(dir.database()).unwrap(), damaged, "a refused file was changed");
            refused += 1;
            continue;
        };
        opened += 1;
        // A read returns what was written or an error, but never an absent user.
        if let Ok(found) = store.user(user(1).id).await {
            assert!(
                found.is_some() || count_users(&store).await.is_ok_and(|count| count == 1),
                "at {offset}"
            );
        }
        let _ = insert(&store, 2).await;
        let _ = store.close().await;
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(dir.directory().join(format!("auth.db{suffix}")));
        }
    }
    println!("{refused} refused, {opened} opened");
    assert!(refused > 30 && opened > 30);
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused() {
    let dir = DatabaseDir::new();
    for text in ["", "users:\n  - ada\n", "SQLite format 3\0", &"x".repeat(10_000)] {
        fs::write(dir.database(), text).unwrap();
        assert!(matches!(open_error(&dir), OpenError::Damaged { .. }), "{text:.20}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let dir = DatabaseDir::new();
    execute(&dir, "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1);");
    assert!(matches!(open_error(&dir), OpenError::OtherApplication { id: 0, .. }));

    execute(&dir, "PRAGMA application_id = 77");
    assert!(matches!(open_error(&dir), OpenError::OtherApplication { id: 77, .. }));
}

/// The schema version of the closed database.
fn schema_version(dir: &DatabaseDir) -> u32 {
    let connection = Connection::open(dir.database()).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_database_with_a_newer_schema_is_refused() {
    let dir = with_one_user().await;
    let current = schema_version(&dir);
    let newer = current + 1;
    execute(&dir, &format!("PRAGMA user_version = {newer}"));

    let error = open_error(&dir);

    assert!(
        matches!(error, OpenError::NewerSchema { found, supported, .. } if (found, supported) == (newer, current)),
        "{error:?}"
    );
    let history = format!("UPDATE refinery_schema_history SET version = {newer} WHERE version = {current}");
    execute(&dir, &format!("PRAGMA user_version = {current}; {history}"));
    assert!(matches!(open_error(&dir), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_newer_schema_that_is_only_in_the_wal_is_refused_and_kept() {
    let dir = with_one_user().await;
    let newer = schema_version(&dir) + 1;
    {
        let connection = Connection::open(dir.database()).unwrap();
        let changes = format!(
            "PRAGMA wal_autocheckpoint = 0;
             BEGIN;
             PRAGMA user_version = {newer};
             INSERT INTO refinery_schema_history VALUES ({newer}, 'next', '2026-11-23T12:00:00Z', '1');
             COMMIT;"
        );
        connection.execute_batch(&changes).unwrap();
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    }
    let wal = fs::read(dir.directory().join("auth.db-wal")).unwrap();

    let error = SqliteStore::open(&dir.database()).unwrap_err();

    assert!(matches!(error, OpenError::NewerSchema { found, .. } if found == newer), "{error:?}");
    assert_eq!(fs::read(dir.directory().join("auth.db-wal")).unwrap(), wal);
}

#[tokio::test]
async fn a_database_with_a_changed_schema_is_refused_at_each_start() {
    for (change, object) in [
        ("PRAGMA foreign_keys = OFF; DROP TABLE users", "is missing"),
        ("DROP TABLE revocation_log_head", "the table `revocation_log_head` is missing"),
        (
            "CREATE TRIGGER undo AFTER UPDATE OF ended_at ON sessions BEGIN
                UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = NEW.id; END",
            "the trigger `undo` of `sessions` is not part of it",
        ),
        ("CREATE VIEW all_users AS SELECT * FROM users", "the view `all_users` is not part of it"),
        (
            "ALTER TABLE sessions ADD COLUMN copy BLOB AS (token_hash)",
            "the table `sessions` has another definition",
        ),
    ] {
        let dir = with_one_user().await;
        execute(&dir, change);
        for _start in 0..2 {
            let error = open_error(&dir);
            assert!(matches!(error, OpenError::ChangedSchema { .. }), "{change}: {error:?}");
            assert!(error.to_string().contains(object), "{error}");
            assert!(error.hint().contains("counterfoil restore FILE"));
        }
    }
}

/// A view in the place of the migration history could compute for ever.
#[tokio::test]
async fn no_code_of_a_changed_schema_is_run_to_check_it() {
    let dir = with_one_user().await;
    execute(
        &dir,
        "ALTER TABLE refinery_schema_history RENAME TO history;
         CREATE VIEW refinery_schema_history AS WITH RECURSIVE n(version) AS (SELECT 1 UNION ALL SELECT version FROM n)
             SELECT version, '' AS name, '' AS applied_on, '' AS checksum FROM n",
    );

    assert!(matches!(open_error(&dir), OpenError::ChangedSchema { .. }));
}

#[tokio::test]
async fn a_database_with_a_missing_row_is_refused() {
    let dir = with_one_user().await;
    execute(&dir, "DELETE FROM revocation_log_head");
    assert!(matches!(open_error(&dir), OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_wal_without_its_database_is_refused() {
    let dir = DatabaseDir::new();
    let wal = dir.directory().join("auth.db-wal");
    fs::write(&wal, "the newest commits").unwrap();

    assert!(matches!(open_error(&dir), OpenError::WalWithoutDatabase(_)));
}

#[tokio::test]
async fn a_read_only_file_or_directory_is_refused() {
    let dir = with_one_user().await;
    let set_mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();

    set_mode(&dir.database(), 0o400);
    assert!(matches!(open_error(&dir), OpenError::ReadOnly { .. }));
    set_mode(&dir.database(), 0o600);
    set_mode(dir.directory(), 0o500);
    assert!(matches!(open_error(&dir), OpenError::ReadOnly { .. }));
    set_mode(dir.directory(), 0o700);

    assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_missing_directory_and_a_path_that_is_not_a_file_are_refused() {
    let dir = DatabaseDir::new();
    let error = SqliteStore::open(&dir.directory().join("missing/auth.db")).unwrap_err();
    assert!(matches!(error, OpenError::DirectoryNotFound(_)), "{error:?}");

    fs::create_dir(dir.database()).unwrap();
    assert!(matches!(open_error(&dir), OpenError::NotAFile(_)));
    let error = SqliteStore::open(Path::new("/dev/null")).unwrap_err();
    assert!(matches!(error, OpenError::NotAFile(_)), "{error:?}");
}

/// The user of a service could have root open, or change the mode of, any file.
#[tokio::test]
async fn a_link_or_a_socket_in_place_of_a_file_of_the_store_is_refused() {
    let dir = with_one_user().await;
    let other = TempDir::new().unwrap();
    let target = other.path().join("target");
    fs::write(&target, "of another user").unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(dir.directory().join("auth.db.lock")).unwrap();

    for suffix in [".lock", "-wal", "-shm", "-journal", ".restored"] {
        let planted = dir.directory().join(format!("auth.db{suffix}"));
        symlink(&target, &planted).unwrap();
        assert!(SqliteStore::open(&dir.database()).is_err(), "{suffix}");
        assert!(planted.symlink_metadata().unwrap().is_symlink(), "{suffix}");
        fs::remove_file(&planted).unwrap();

        let socket = UnixListener::bind(&planted).unwrap();
        assert!(SqliteStore::open(&dir.database()).is_err(), "{suffix}");
        assert!(planted.symlink_metadata().is_ok(), "{suffix}");
        fs::remove_file(&planted).unwrap();
        drop(socket);
    }

    let metadata = fs::metadata(&target).unwrap();
    assert_eq!(
        (fs::read(&target).unwrap().as_slice(), metadata.mode() & 0o777),
        (&b"of another user"[..], 0o644)
    );
    assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
}

/// SQLite deletes the file that the name leads to.
#[tokio::test]
async fn a_journal_that_names_another_file_is_refused() {
    let dir = with_one_user().await;
    let precious = dir.directory().join("precious");
    fs::write(&precious, "").unwrap();
    let name = precious.to_str().unwrap().as_bytes();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    // A header of 512 bytes without pages, then the name: its page number, the name, its length and its checksum.
    let mut journal = [&magic[..], &[0; 504]].concat();
    journal[20..28].copy_from_slice(&[0, 0, 2, 0, 0, 0, 16, 0]);
    let checksum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    for part in [&262_145_u32.to_be_bytes()[..], name, &u32::try_from(name.len()).unwrap().to_be_bytes()] {
        journal.extend_from_slice(part);
    }
    journal.extend_from_slice(&checksum.to_be_bytes());
    journal.extend_from_slice(&magic);
    fs::write(dir.directory().join("auth.db-journal"), &journal).unwrap();

    let error = open_error(&dir);

    assert!(error.to_string().contains("its journal names another file"), "{error}");
    assert!(precious.exists());
}

#[tokio::test]
async fn a_database_behind_the_link_of_another_user_is_refused() {
    let dir = with_one_user().await;
    let link = dir.directory().join("link.db");
    symlink(dir.database(), &link).unwrap();
    assert!(SqliteStore::open(&link).is_ok());
    if lchown(&link, Some(65534), None).is_err() {
        return counterfoil_test_support::skip("only root can give a link to another user");
    }

    assert!(matches!(SqliteStore::open(&link).unwrap_err(), OpenError::NotAFile(_)));
}

#[tokio::test]
async fn a_directory_in_which_others_can_replace_the_database_is_refused() {
    let dir = with_one_user().await;
    let set_mode = |mode| fs::set_permissions(dir.directory(), Permissions::from_mode(mode)).unwrap();

    set_mode(0o777);
    let error = open_error(&dir);
    assert!(matches!(error, OpenError::WritableByOthers { mode: 0o777, .. }), "{error:?}");

    // As `/tmp`, and as Kubernetes gives a volume to a group.
    for mode in [0o1777, 0o2770] {
        set_mode(mode);
        assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn every_file_of_a_store_is_private() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    insert(&store, 1).await.unwrap();
    store.backup(&dir.directory().join("copy.db")).await.unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(dir.files().len(), 5);
    for (path, ..) in dir.files() {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    // As a file that was copied here with another mode.
    drop(store);
    fs::set_permissions(dir.database(), Permissions::from_mode(0o644)).unwrap();
    let _store = dir.open();
    assert_eq!(mode(&dir.database()), 0o600);
}

#[tokio::test]
async fn the_leftovers_of_a_killed_first_start_are_removed() {
    let dir = DatabaseDir::new();
    let mut leftover =
        OpenOptions::new().create(true).append(true).open(dir.directory().join("auth.db.new")).unwrap();
    leftover.write_all(b"SQLite format 3\0 and then the power failed").unwrap();

    let store = dir.open();

    assert_eq!(count_users(&store).await.unwrap(), 0);
    assert!(!dir.directory().join("auth.db.new").exists());
}

#[tokio::test]
async fn a_backup_can_be_opened_and_overwrites_no_file() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    for number in 0..100 {
        insert(&store, number).await.unwrap();
    }
    let copy = dir.directory().join("copy.db");

    // A commit during the backup.
    let (done, inserted) = tokio::join!(store.backup(&copy), insert(&store, 100));
    done.unwrap();
    inserted.unwrap();
    assert!(store.backup(&copy).await.is_err());
    assert!(store.backup(&dir.directory().join("missing/copy.db")).await.is_err());

    let copied = SqliteStore::open(&copy).unwrap();
    let count = count_users(&copied).await.unwrap();
    assert!((100..=101).contains(&count), "{count}");
    insert(&copied, 1000).await.unwrap();
    assert_eq!(count_users(&store).await.unwrap(), 101);
}

#[tokio::test]
async fn a_store_in_memory_leaves_no_files() {
    let count_directories = || {
        fs::read_dir(std::env::temp_dir())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("counterfoil-"))
            .count()
    };
    let store = SqliteStore::in_memory().unwrap();
    let count = count_directories();
    store.commit(&[Change::insert_user(user(1))].into()).await.unwrap().applied().unwrap();
    assert!(count > 0);

    let path = format!("{store:?}");
    drop(store);

    let path = path.split('"').nth(1).unwrap();
    assert!(path.contains("counterfoil-") && !Path::new(path).exists());
    assert!(!Path::new(path).parent().unwrap().exists());
}
