//! What is written stays, whatever happens: kills, a full disk, errors of the disk, too much at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::store::{AppliedChanges, Change, CommitListener, Page, Store, StoreError};
use counterfoil_sqlite::SqliteStore;
use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio::time::timeout;

use common::{NOON, Place, another_process, count_users, insert, task_of_a_child, user};

/// Not a test of its own: what another process does when one of the tests has started it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some((task, path)) = task_of_a_child() else { return };
    let store = SqliteStore::open(&path).unwrap();
    match task.as_str() {
        "write until killed" => write_until_killed(&store).await,
        "write until it fails" => write_until_it_fails(&store).await,
        other => panic!("{other}"),
    }
}

/// Inserts users from many tasks and says each that was acknowledged.
async fn write_until_killed(store: &Arc<SqliteStore>) {
    let first = count_users(store).await.unwrap() as u64 * 1000;
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let store = Arc::clone(store);
        writers.spawn(async move {
            for step in 0_u64.. {
                let number = first + writer + 16 * step;
                insert(&store, number).await.unwrap();
                println!("acknowledged {number}");
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let place = Place::new();
    let mut acknowledged = HashSet::new();
    for round in 1..=10_usize {
        let mut process = another_process("", "write until killed", &place.database()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // Killed after so many answers, wherever it then is.
        let mut answers = 0;
        while answers < 37 * round {
            let line = lines.next().expect("it writes until it is killed").unwrap();
            answers += usize::from(note(&line, &mut acknowledged));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            note(&line, &mut acknowledged);
        }

        let store = place.open();
        for number in &acknowledged {
            assert!(store.user(user(*number).id).await.unwrap().is_some(), "user {number} is lost");
        }
        store.close().await.unwrap();
        assert!(is_sound(&place.database()), "round {round}");
    }
    println!("{} answers over ten kills", acknowledged.len());
}

/// Takes down an answer; a line that was cut off by the kill is none.
fn note(line: &str, acknowledged: &mut HashSet<u64>) -> bool {
    let number = line.split_once("acknowledged ").and_then(|(_, number)| number.parse().ok());
    number.is_some_and(|number| acknowledged.insert(number))
}

fn is_sound(database: &Path) -> bool {
    let connection = Connection::open(database).unwrap();
    let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    said == "ok"
}

/// Counts how often it was told that the store has failed.
#[derive(Default)]
struct Failures(AtomicUsize);

impl CommitListener for Failures {
    fn committed(&self, _: &[Change], _: &AppliedChanges) {}

    fn failed(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Writes under a limit that makes the disk fail, and says what came of it.
async fn write_until_it_fails(store: &Arc<SqliteStore>) {
    let failures = Arc::new(Failures::default());
    store.watch(Arc::clone(&failures) as Arc<dyn CommitListener>);
    let mut number = 0;
    let error = loop {
        match insert(store, number).await {
            Ok(_) => println!("acknowledged {number}"),
            Err(error) => break error,
        }
        number += 1;
    };
    assert!(matches!(error, StoreError::Poisoned), "{error:?}");
    assert_eq!(failures.0.load(Ordering::SeqCst), 1);
    // From here on everything is refused, reads as well.
    assert!(matches!(insert(store, number + 1).await, Err(StoreError::Poisoned)));
    assert!(matches!(store.user(user(0).id).await, Err(StoreError::Poisoned)));
    assert!(matches!(store.head().await, Err(StoreError::Poisoned)));
    store.close().await.unwrap();
    println!("as it should be");
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_ends_the_store_and_loses_nothing_acknowledged() {
    let place = Place::new();
    place.open().close().await.unwrap();

    // No file may grow beyond 2 MiB: the write of a commit fails with an error that is not "disk full".
    let limited = "trap '' XFSZ; ulimit -f 2048;";
    let output = another_process(limited, "write until it fails", &place.database()).output().unwrap();

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut acknowledged = HashSet::new();
    for line in said.lines() {
        note(line, &mut acknowledged);
    }
    assert!(said.contains("as it should be"), "{said:.2000}");
    assert!(acknowledged.len() > 10);
    // Opened anew it has all that was acknowledged, and at most the one commit more that nobody knew of.
    let count = count_users(&place.open()).await.unwrap();
    assert!((acknowledged.len()..=acknowledged.len() + 1).contains(&count), "{count}");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_lets_reads_go_on_and_recovers() {
    let place = Place::new();
    let mount = |arguments: &[&str]| Command::new(arguments[0]).args(&arguments[1..]).status();
    let target = place.directory().to_str().unwrap().to_owned();
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", &target]);
    if !mounted.is_ok_and(|status| status.success()) {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    }

    fill_and_recover(&place).await;

    assert!(mount(&["umount", &target]).unwrap().success());
}

async fn fill_and_recover(place: &Place) {
    let store = place.open();
    let ballast = place.directory().join("ballast");
    std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let mut number = 0;
    let error = loop {
        match insert(&store, number).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 100_000, "the disk does not fill");
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    for _ in 0..5 {
        assert!(matches!(insert(&store, number).await, Err(StoreError::Unavailable { .. })));
        assert_eq!(store.users(Page { after: None, limit: 1_000_000 }).await.unwrap().len() as u64, number);
    }

    std::fs::remove_file(ballast).unwrap();
    insert(&store, number).await.unwrap();
    assert_eq!(count_users(&store).await.unwrap() as u64, number + 1);
    store.close().await.unwrap();
    assert!(is_sound(&place.database()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_that_wait_together_share_one_transaction() {
    let event = AuditEvent::by_user(AuditEventKind::SignedIn, user(1).id, &ClientInfo::default(), NOON);
    let line = [Change::Record(Box::new(event))];
    // Each transaction writes the page of the journal anew, so the log's length counts the transactions.
    let alone = Place::new();
    let store = alone.open();
    for _ in 0..200 {
        store.commit(&line).await.unwrap().applied().unwrap();
    }
    let written_alone = length_of_log(&alone);

    let together = Place::new();
    let store = together.open();
    let mut callers = JoinSet::new();
    for _ in 0..200 {
        let (store, line) = (Arc::clone(&store), line.clone());
        callers.spawn(async move { store.commit(&line).await.unwrap().applied().unwrap() });
    }
    callers.join_all().await;
    let written_together = length_of_log(&together);

    println!("{written_alone} bytes one by one, {written_together} together");
    assert!(written_together * 4 < written_alone);
}

fn length_of_log(place: &Place) -> u64 {
    std::fs::metadata(place.directory().join("auth.db-wal")).unwrap().len()
}

/// Holds the writer until it is let go.
struct Gate(Mutex<mpsc::Receiver<()>>);

impl CommitListener for Gate {
    fn committed(&self, _: &[Change], _: &AppliedChanges) {
        // Without a sender the gate stands open.
        let _ = self.0.lock().unwrap().recv();
    }

    fn failed(&self) {}
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_loses_nothing_it_took() {
    let store = SqliteStore::in_memory().unwrap();
    let (open, gate) = mpsc::channel();
    store.watch(Arc::new(Gate(Mutex::new(gate))));

    let (mut taken, mut refused) = (0, 0);
    for number in 0..5000 {
        match timeout(Duration::ZERO, insert(&store, number)).await {
            Ok(Err(StoreError::Unavailable { .. })) => refused += 1,
            Err(_) => taken += 1,
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert!(refused >= 1 && taken >= 4096, "{refused} refused");

    drop(open);
    // Whoever had waited is served, though they all went away.
    while timeout(Duration::from_secs(10), insert(&store, 9999)).await.unwrap().is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(count_users(&store).await.unwrap(), taken + 1);
}

#[tokio::test]
async fn what_was_handed_over_is_done_when_the_store_is_dropped() {
    let place = Place::new();
    let store = place.open();
    for number in 0..300 {
        let _ = timeout(Duration::ZERO, insert(&store, number)).await;
    }
    drop(store);

    assert_eq!(count_users(&place.open()).await.unwrap(), 300);
}

/// Fails as no witness should.
struct Broken;

impl CommitListener for Broken {
    fn committed(&self, _: &[Change], _: &AppliedChanges) {
        panic!("a defect of the memory in front");
    }

    fn failed(&self) {}
}

#[tokio::test]
async fn a_witness_that_panics_ends_the_store_and_not_the_process() {
    let place = Place::new();
    let store = place.open();
    let failures = Arc::new(Failures::default());
    store.watch(Arc::clone(&failures) as Arc<dyn CommitListener>);
    store.watch(Arc::new(Broken));

    assert!(matches!(insert(&store, 1).await, Err(StoreError::Poisoned)));
    assert!(matches!(count_users(&store).await, Err(StoreError::Poisoned)));
    assert_eq!(failures.0.load(Ordering::SeqCst), 1);

    drop(store);
    assert_eq!(count_users(&place.open()).await.unwrap(), 1);
}
