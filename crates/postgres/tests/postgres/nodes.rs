//! Several processes on one database: races are settled in their transactions, and each learns what the others change.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::model::user::User;
use counterfoil_core::store::session_cache::Invalidation;
use counterfoil_core::store::{
    Change, CommitOutcome, CounterIncrement, CounterKey, CutoffScope, Expectation, JobLock, NodeChange,
    NodeNews, NodeRegistry, NodeRenewal, Store, StoreError, Transaction,
};
use counterfoil_postgres::PostgresStore;
use counterfoil_verify::RevocationPosition;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::fixture::{NOON, insert, open, server, user};

const LEASE: Duration = Duration::from_secs(2);
/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn two_stores() -> Option<[Arc<PostgresStore>; 2]> {
    let url = server()?.new_database();
    Some([open(&url).await, open(&url).await])
}

async fn close(stores: [Arc<PostgresStore>; 2]) {
    for store in stores {
        store.close().await.unwrap();
    }
}

async fn commit(store: &PostgresStore, changes: impl Into<Vec<Change>>) -> CommitOutcome {
    store.commit(&Transaction::new(changes.into())).await.unwrap()
}

fn is_applied(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Applied(_))
}

/// Renews from the start of the revocation log.
async fn renew(store: &PostgresStore, last_change: u64) -> NodeNews {
    let start = RevocationPosition::START;
    let renewal = NodeRenewal { applied: start, confirmed: start, last_change };
    store.renew(&renewal).await.unwrap().expect("the row is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_registrations_of_one_name_and_of_two_that_look_alike_one_wins() {
    let Some(stores) = two_stores().await else { return };
    for number in 0..8 {
        // Cyrillic letters in the second name: only the expectation refuses it.
        let names = match number % 2 {
            0 => [format!("ada{number}"), format!("ada{number}")],
            _ => [format!("coco{number}"), format!("сосо{number}")],
        };
        let mut commits = JoinSet::new();
        for (index, (store, name)) in stores.iter().zip(names).enumerate() {
            let store = Arc::clone(store);
            commits.spawn(async move {
                let new = User {
                    username: name.parse().unwrap(),
                    ..user(100 + 2 * number + u32::try_from(index).unwrap())
                };
                let expect = Expectation::NoLookAlike(new.username.skeletons());
                store.commit(&Transaction::new([Change::insert_user(new)]).expecting([expect])).await.unwrap()
            });
        }
        let outcomes = commits.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| is_applied(outcome)).count(), 1, "{outcomes:?}");
    }
    close(stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_increment_counts_and_positions_and_event_numbers_are_unique() {
    let Some(stores) = two_stores().await else { return };
    let mut tasks = JoinSet::new();
    for store in &stores {
        for _ in 0..4 {
            let store = Arc::clone(store);
            tasks.spawn(async move {
                let mut positions = Vec::new();
                for _ in 0..10 {
                    let increment = CounterIncrement {
                        key: CounterKey("attempts".into()),
                        amount: 1,
                        window: Duration::from_secs(60),
                        while_previous_at_most: None,
                    };
                    store.increment_counters(&[increment], NOON).await.unwrap();
                    let before = store.revocation_log_head().await.unwrap();
                    let outcome = commit(&store, [Change::set_cutoff(CutoffScope::Everyone)]).await;
                    assert!(is_applied(&outcome));
                    let after = store.revocation_log_head().await.unwrap();
                    assert!(after > before);
                    positions.push(after);
                }
                positions
            });
        }
    }
    tasks.join_all().await;
    let values = stores[0].counters(&[CounterKey("attempts".into())], NOON).await.unwrap();
    assert_eq!(values[0].count, 80);
    close(stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_runs_on_one_node() {
    let Some(stores) = two_stores().await else { return };
    let mut takes = JoinSet::new();
    for store in &stores {
        let store = Arc::clone(store);
        takes.spawn(async move {
            let lock = JobLock { job: "purge", holder: store.id() };
            commit(&store, [Change::take_job_lock(lock, NOON, NOON + LEASE)]).await
        });
    }
    let outcomes = takes.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| is_applied(outcome)).count(), 1);
    close(stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_learns_of_the_changes_of_another_in_their_order_and_not_of_its_own() {
    let Some([one, other]) = two_stores().await else { return };
    assert!(is_applied(&insert(&one, 1).await.unwrap()));
    let last = one.join("node", LEASE).await.unwrap();
    other.join("node", LEASE).await.unwrap();
    assert_eq!(other.nodes().await.unwrap().len(), 2, "two nodes of one name have two rows");
    timeout(PATIENCE, one.announced()).await.expect("its connection is new");
    renew(&one, last).await;

    let changed = User { revision: user(1).revision + 1, ..user(1) };
    assert!(is_applied(&commit(&other, [Change::replace_user(changed)]).await));
    assert!(is_applied(&commit(&other, [Change::set_cutoff(CutoffScope::Everyone)]).await));
    timeout(PATIENCE, one.announced()).await.expect("the commit is announced");

    let news = renew(&one, last).await;
    let invalidated = [Invalidation::User(user(1).id), Invalidation::All].map(NodeChange::Invalidate);
    assert_eq!(news.changes, invalidated);
    assert_eq!(news.head, other.revocation_log_head().await.unwrap());
    assert!(renew(&one, news.last_change).await.changes.is_empty());
    assert!(renew(&other, 0).await.changes.is_empty(), "its own changes");
    close([one, other]).await;
}

/// The counter in the row of a node.
async fn counter_of(store: &PostgresStore) -> u64 {
    store.nodes().await.unwrap().iter().find(|row| row.id == store.id()).unwrap().renewals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_removed_node_is_told_so_and_one_that_renewed_meanwhile_is_not_removed() {
    let Some([one, other]) = two_stores().await else { return };
    for store in [&one, &other] {
        store.join("node", LEASE).await.unwrap();
    }
    let counter = counter_of(&one).await;
    let lock = JobLock { job: "purge", holder: one.id() };
    assert!(is_applied(&commit(&one, [Change::take_job_lock(lock, NOON, NOON + PATIENCE)]).await));
    renew(&one, 0).await;

    other.remove(one.id(), counter).await.unwrap();
    assert_eq!(other.nodes().await.unwrap().len(), 2, "its counter has changed");
    other.remove(one.id(), counter + 1).await.unwrap();

    let start = RevocationPosition::START;
    let renewal = NodeRenewal { applied: start, confirmed: start, last_change: 0 };
    assert_eq!(one.renew(&renewal).await.unwrap(), None);
    assert!(one.promise(LEASE).await.is_err(), "a promise without a row is not durable");
    one.join("node", LEASE).await.unwrap();
    assert_ne!(counter_of(&one).await, counter, "an observer may have seen that one long ago");
    let lock = JobLock { job: "purge", holder: other.id() };
    assert!(is_applied(&commit(&other, [Change::take_job_lock(lock, NOON, NOON + PATIENCE)]).await));
    close([one, other]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_whose_connection_was_ended_by_the_server_renews_by_another_one() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let stores = [open(&url).await, open(&url).await];
    let [one, other] = &stores;
    for store in &stores {
        store.join("node", LEASE).await.unwrap();
    }
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    server.sql(&url, kill);

    let started = std::time::Instant::now();
    let revoked = loop {
        let cutoff = Transaction::new([Change::set_cutoff(CutoffScope::Everyone)]);
        match other.commit(&cutoff).await {
            Ok(outcome) => break outcome,
            Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert!(is_applied(&revoked));
    let start = RevocationPosition::START;
    let renewal = NodeRenewal { applied: start, confirmed: start, last_change: 0 };
    let news = loop {
        match one.renew(&renewal).await {
            Ok(news) => break news.expect("the row is there"),
            Err(_) if started.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!(news.changes, [NodeChange::Invalidate(Invalidation::All)]);
    close(stores).await;
}

/// A node that stood still renews. Another one, which takes it for dead, revokes something while the renewal is in progress, and then
/// looks at the counter.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_renewal_has_what_was_committed_before_another_node_saw_the_former_counter() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let stores = [open(&url).await, open(&url).await];
    let [one, other] = &stores;
    for store in &stores {
        store.join("node", LEASE).await.unwrap();
        renew(store, 0).await;
    }
    let counter = counter_of(one).await;
    // The last read of the renewal waits for this lock.
    let lock = "BEGIN; LOCK TABLE node_changes IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT";
    let locking = std::thread::spawn({
        let url = url.clone();
        move || server.sql(&url, lock)
    });
    let waits_for_lock = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let is_locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
                     AND relation = 'node_changes'::regclass";
    wait_until(|| server.sql(&url, is_locked).trim() != "0").await;
    let renewing = tokio::spawn({
        let one = Arc::clone(one);
        async move { renew(&one, 0).await }
    });
    wait_until(|| server.sql(&url, waits_for_lock).trim() != "0").await;

    let revoke = "UPDATE revocation_log_head SET last_position = last_position + 1";
    server.sql(&url, revoke);
    let position = other.revocation_log_head().await.unwrap();
    let rows = other.nodes().await.unwrap();
    let row = rows.iter().find(|row| row.id == one.id()).unwrap();

    let news = renewing.await.unwrap();
    assert!(
        row.renewals > counter || news.head >= position,
        "the counter is the former one, and the revocation is missing"
    );
    locking.join().unwrap();
    close(stores).await;
}

async fn wait_until(is_true: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !is_true() {
        assert!(started.elapsed() < PATIENCE, "it has not happened");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// After a failover the connections that read may still lead to the former primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_a_node_connects_again_its_older_connections_are_not_read_from() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    store.join("node", LEASE).await.unwrap();
    renew(&store, 0).await;
    store.revocation_log_head().await.unwrap();
    let backends = |query: &str| -> Vec<String> {
        let select = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '{query}'"
        );
        server.sql(&url, &select).lines().map(str::to_owned).collect()
    };
    let readers = backends("SELECT last_position%");
    assert!(!readers.is_empty());

    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE '%FROM node_changes%' AND pid <> pg_backend_pid()";
    server.sql(&url, kill);
    let renewal = NodeRenewal {
        applied: RevocationPosition::START,
        confirmed: RevocationPosition::START,
        last_change: 0,
    };
    let started = std::time::Instant::now();
    while store.renew(&renewal).await.is_err() {
        assert!(started.elapsed() < PATIENCE);
    }
    store.revocation_log_head().await.unwrap();

    let later = backends("SELECT last_position%");
    assert!(!later.is_empty() && later.iter().all(|pid| !readers.contains(pid)), "{later:?} {readers:?}");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_far_behind_reads_in_parts_and_knows_when_it_has_everything() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    let joined = store.join("one", LEASE).await.unwrap();
    server.sql(
        &url,
        "INSERT INTO node_changes (origin, change) SELECT decode(repeat('07', 16), 'hex'), 'keys' FROM generate_series(1, 20001)",
    );

    let first = renew(&store, joined).await;
    assert!(!first.is_complete && first.changes.len() == 20_000, "{} changes", first.changes.len());
    assert!(
        first.entries.is_empty() && first.head == RevocationPosition::START,
        "no position ahead of its changes"
    );
    let second = renew(&store, first.last_change).await;
    assert!(second.is_complete && second.changes.len() == 1, "{} changes", second.changes.len());
    store.close().await.unwrap();
}

/// A node that renews, and never applies anything, is not awaited for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wait_for_a_node_that_applies_nothing_ends_with_an_error() {
    let Some([one, other]) = two_stores().await else { return };
    let mut joined = 0;
    for store in [&one, &other] {
        joined = store.join("node", LEASE).await.unwrap();
    }
    let changed = User { revision: user(1).revision + 1, ..user(1) };
    assert!(is_applied(&insert(&other, 1).await.unwrap()));
    assert!(is_applied(&commit(&other, [Change::replace_user(changed)]).await));
    let renewing = tokio::spawn({
        let one = Arc::clone(&one);
        async move {
            loop {
                renew(&one, 0).await;
                tokio::time::sleep(LEASE / 4).await;
            }
        }
    });

    let waited = timeout(PATIENCE, other.wait_until_applied()).await.expect("the wait has a limit");

    assert!(matches!(waited, Err(StoreError::Unavailable { .. })), "{waited:?} from {joined}");
    renewing.abort();
    close([one, other]).await;
}
