//! Cases about job locks: one node holds a lock, until it expires or is released.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::store::conformance::fixture::{
    HOUR, NOON, answer, applied, conflict, holds, insert_user, rejected, user,
};
use crate::store::{
    Change, CommitOutcome, Expectation, JobLock, NodeId, Store, Transaction, TransactionPart,
};

/// The lock of a job, of the node with this number.
fn lock(job: &'static str, node: u8) -> JobLock {
    JobLock { job, holder: NodeId::from_bytes([node; 16]) }
}

fn take(lock: JobLock, now: counterfoil_jose::Time) -> Change {
    Change::take_job_lock(lock, now, now + HOUR)
}

pub(super) async fn a_lock_is_held_by_one_node_until_it_expires(store: Arc<dyn Store>) {
    let _ = applied(&store, &[take(lock("purge", 1), NOON)]).await;

    assert_eq!(conflict(&store, &[take(lock("purge", 2), NOON + HOUR / 2)]).await, 0);
    let _ = applied(&store, &[take(lock("rotation", 2), NOON)]).await;
    assert!(holds(&store, Expectation::JobLock(lock("purge", 1), NOON)).await);
    assert!(!holds(&store, Expectation::JobLock(lock("purge", 2), NOON)).await);
    assert!(!holds(&store, Expectation::JobLock(lock("purge", 1), NOON + HOUR)).await);

    let _ = applied(&store, &[take(lock("purge", 2), NOON + HOUR)]).await;
    assert!(!holds(&store, Expectation::JobLock(lock("purge", 1), NOON)).await);
}

pub(super) async fn a_node_renews_and_releases_its_own_lock(store: Arc<dyn Store>) {
    let _ = applied(&store, &[take(lock("purge", 1), NOON)]).await;
    let _ = applied(&store, &[take(lock("purge", 1), NOON + HOUR / 2)]).await;
    assert!(holds(&store, Expectation::JobLock(lock("purge", 1), NOON + HOUR)).await);

    // Nodes release only their own locks.
    let _ = applied(&store, &[Change::release_job_lock(lock("purge", 2))]).await;
    assert!(holds(&store, Expectation::JobLock(lock("purge", 1), NOON)).await);

    let _ = applied(&store, &[Change::release_job_lock(lock("purge", 1))]).await;
    let _ = applied(&store, &[take(lock("purge", 2), NOON)]).await;
}

pub(super) async fn nothing_is_changed_without_the_lock(store: Arc<dyn Store>) {
    let _ = applied(&store, &[take(lock("purge", 1), NOON)]).await;

    assert_eq!(conflict(&store, &[insert_user(user(1)), take(lock("purge", 2), NOON)]).await, 1);
    let expected = Expectation::JobLock(lock("purge", 2), NOON);
    let transaction = Transaction::new([insert_user(user(1))]).expecting([expected]);
    assert_eq!(rejected(&store, &transaction).await, TransactionPart::Expectation(0));

    assert_eq!(answer(store.user(user(1).id).await), None);
}

pub(super) async fn one_of_32_nodes_takes_a_free_lock(store: Arc<dyn Store>) {
    let mut racers = JoinSet::new();
    for node in 0..32 {
        let store = Arc::clone(&store);
        racers.spawn(async move {
            let outcome = answer(store.commit(&[take(lock("purge", node), NOON)].into()).await);
            matches!(outcome, CommitOutcome::Applied(_))
        });
    }

    assert_eq!(racers.join_all().await.into_iter().filter(|has_taken| *has_taken).count(), 1);
}
