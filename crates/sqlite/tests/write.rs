//! Acknowledged writes survive kills, a full disk, disk errors and overload.

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

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
use counterfoil_core::store::{AppliedChanges, Change, CommitListener, Page, Store, StoreError, Transaction};
use counterfoil_sqlite::SqliteStore;
use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio::time::timeout;

use common::{DatabaseDir, NOON, child_process, child_task, count_users, insert, user};

/// Not a test: the code of the child processes that the tests start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some((task, path)) = child_task() else { return };
    let store = SqliteStore::open(&path).unwrap();
    match task.as_str() {
        "write until killed" => write_until_killed(&store).await,
        "write until it fails" => write_until_it_fails(&store).await,
        other => panic!("{other}"),
    }
}

/// Inserts users from many tasks and prints the number of each acknowledged one.
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
async fn acknowledged_commits_survive_a_kill() {
    let dir = DatabaseDir::new();
    let mut acknowledged = HashSet::new();
    for iteration in 1..=10_usize {
        let mut process = child_process("", "write until killed", &dir.database()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // Killed after this number of acknowledgements, at any point of its work.
        let mut answers = 0;
        while answers < 37 * iteration {
            let line = lines.next().expect("it writes until it is killed").unwrap();
            answers += usize::from(parse_acknowledgement(&line, &mut acknowledged));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            parse_acknowledgement(&line, &mut acknowledged);
        }

        let store = dir.open();
        for number in &acknowledged {
            assert!(store.user(user(*number).id).await.unwrap().is_some(), "user {number} is lost");
        }
        store.close().await.unwrap();
        assert!(passes_integrity_check(&dir.database()), "iteration {iteration}");
    }
    println!("{} answers over ten kills", acknowledged.len());
}

/// Adds an acknowledged number. A line that the kill truncated is ignored.
fn parse_acknowledgement(line: &str, acknowledged: &mut HashSet<u64>) -> bool {
    let number = line.split_once("acknowledged ").and_then(|(_, number)| number.parse().ok());
    number.is_some_and(|number| acknowledged.insert(number))
}

fn passes_integrity_check(database: &Path) -> bool {
    let connection = Connection::open(database).unwrap();
    let result: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    result == "ok"
}

/// Counts the notifications that the store has failed.
#[derive(Default)]
struct FailureCounter(AtomicUsize);

impl CommitListener for FailureCounter {
    fn on_commit(&self, _: &[Change], _: &AppliedChanges) {}

    fn on_failure(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Writes under a limit that makes writes fail, and checks the state of the store afterwards.
async fn write_until_it_fails(store: &Arc<SqliteStore>) {
    let failures = Arc::new(FailureCounter::default());
    store.subscribe(Arc::clone(&failures) as Arc<dyn CommitListener>);
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
    // From here on every request is refused, reads too.
    assert!(matches!(insert(store, number + 1).await, Err(StoreError::Poisoned)));
    assert!(matches!(store.user(user(0).id).await, Err(StoreError::Poisoned)));
    assert!(matches!(store.revocation_log_head().await, Err(StoreError::Poisoned)));
    store.close().await.unwrap();
    println!("store poisoned as expected");
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_poisons_the_store_and_keeps_acknowledged_commits() {
    let dir = DatabaseDir::new();
    dir.open().close().await.unwrap();

    // No file may grow beyond 2 MiB: the write of a commit fails with an error that is not "disk full".
    let limited = "trap '' XFSZ; ulimit -f 2048;";
    let output = child_process(limited, "write until it fails", &dir.database()).output().unwrap();

    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut acknowledged = HashSet::new();
    for line in printed.lines() {
        parse_acknowledgement(line, &mut acknowledged);
    }
    assert!(printed.contains("store poisoned as expected"), "{printed:.2000}");
    assert!(acknowledged.len() > 10);
    // After reopening, it has all acknowledged commits, and at most the one of unknown outcome.
    let count = count_users(&dir.open()).await.unwrap();
    assert!((acknowledged.len()..=acknowledged.len() + 1).contains(&count), "{count}");
}

#[tokio::test]
async fn on_a_full_disk_writes_fail_reads_continue_and_the_store_recovers() {
    let dir = DatabaseDir::new();
    let mount = |arguments: &[&str]| Command::new(arguments[0]).args(&arguments[1..]).status();
    let target = dir.directory().to_str().unwrap().to_owned();
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", &target]);
    if !mounted.is_ok_and(|status| status.success()) {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    }

    fill_disk_and_recover(&dir).await;

    assert!(mount(&["umount", &target]).unwrap().success());
}

async fn fill_disk_and_recover(dir: &DatabaseDir) {
    let store = dir.open();
    let ballast = dir.directory().join("ballast");
    std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let mut number = 0;
    let error = loop {
        match insert(&store, number).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 100_000, "the disk does not become full");
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
    assert!(passes_integrity_check(&dir.database()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn queued_commits_share_one_transaction() {
    let event = AuditEvent::by_user(AuditEventKind::LoginSucceeded, user(1).id, &ClientInfo::default(), NOON);
    let transaction = Transaction::new([Change::record_event(event)]);
    // Each transaction rewrites a page of the audit log, so the length of the WAL counts the transactions.
    let alone = DatabaseDir::new();
    let store = alone.open();
    for _ in 0..200 {
        store.commit(&transaction).await.unwrap().applied().unwrap();
    }
    let written_alone = wal_length(&alone);

    let together = DatabaseDir::new();
    let store = together.open();
    let mut callers = JoinSet::new();
    for _ in 0..200 {
        let (store, transaction) = (Arc::clone(&store), transaction.clone());
        callers.spawn(async move { store.commit(&transaction).await.unwrap().applied().unwrap() });
    }
    callers.join_all().await;
    let written_together = wal_length(&together);

    println!("{written_alone} bytes one by one, {written_together} bytes together");
    assert!(written_together * 4 < written_alone);
}

fn wal_length(dir: &DatabaseDir) -> u64 {
    std::fs::metadata(dir.directory().join("auth.db-wal")).unwrap().len()
}

/// Blocks the writer until the sender is dropped.
struct WriterBlock(Mutex<mpsc::Receiver<()>>);

impl CommitListener for WriterBlock {
    fn on_commit(&self, _: &[Change], _: &AppliedChanges) {
        // Without a sender it does not block.
        let _ = self.0.lock().unwrap().recv();
    }

    fn on_failure(&self) {}
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_keeps_queued_commits() {
    let store = SqliteStore::in_memory().unwrap();
    let (blocker, blocked) = mpsc::channel();
    store.subscribe(Arc::new(WriterBlock(Mutex::new(blocked))));

    let (mut queued, mut refused) = (0, 0);
    for number in 0..5000 {
        match timeout(Duration::ZERO, insert(&store, number)).await {
            Ok(Err(StoreError::Unavailable { .. })) => refused += 1,
            Err(_) => queued += 1,
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert!(refused >= 1 && queued >= 4096, "{refused} refused");

    drop(blocker);
    // Queued commits are executed although their callers no longer wait.
    while timeout(Duration::from_secs(10), insert(&store, 9999)).await.unwrap().is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(count_users(&store).await.unwrap(), queued + 1);
}

#[tokio::test]
async fn queued_commits_are_executed_when_the_store_is_dropped() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    for number in 0..300 {
        let _ = timeout(Duration::ZERO, insert(&store, number)).await;
    }
    drop(store);

    assert_eq!(count_users(&dir.open()).await.unwrap(), 300);
}

/// A listener that panics.
struct PanickingListener;

impl CommitListener for PanickingListener {
    fn on_commit(&self, _: &[Change], _: &AppliedChanges) {
        panic!("a defect of the session cache");
    }

    fn on_failure(&self) {}
}

#[tokio::test]
async fn a_listener_that_panics_poisons_the_store_and_not_the_process() {
    let dir = DatabaseDir::new();
    let store = dir.open();
    let failures = Arc::new(FailureCounter::default());
    store.subscribe(Arc::clone(&failures) as Arc<dyn CommitListener>);
    store.subscribe(Arc::new(PanickingListener));

    assert!(matches!(insert(&store, 1).await, Err(StoreError::Poisoned)));
    assert!(matches!(count_users(&store).await, Err(StoreError::Poisoned)));
    assert_eq!(failures.0.load(Ordering::SeqCst), 1);

    drop(store);
    assert_eq!(count_users(&dir.open()).await.unwrap(), 1);
}
