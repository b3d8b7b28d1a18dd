//! Cases about metrics: every read and every commit is counted once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use crate::store::conformance::fixture::{NOON, answer, applied, end, holds, one_login, session_id, user_id};
use crate::store::{Expectation, Store};

pub(super) async fn every_read_and_every_commit_is_counted_once(store: Arc<dyn Store>) {
    let _ = one_login(&store).await;
    let snapshot = || {
        let metrics = store.metrics();
        (metrics.reads.snapshot().count(), metrics.commits.snapshot().count())
    };
    let (reads, commits) = snapshot();

    let _ = answer(store.session(session_id(1)).await);
    let _ = applied(&store, &[end(1, NOON)]).await;
    let _ = holds(&store, Expectation::Epoch(user_id(1), 7)).await;

    assert_eq!(snapshot(), (reads + 1, commits + 2));
}

pub(super) async fn parallel_commits_share_transactions(store: Arc<dyn Store>) {
    let before = store.metrics().transactions.snapshot().count();
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let store = Arc::clone(&store);
        callers.spawn(async move { applied(&store, &[]).await });
    }
    callers.join_all().await;

    let metrics = store.metrics();
    let transactions = metrics.transactions.snapshot().count() - before;
    assert!((1..=32).contains(&transactions), "{transactions}");
    assert_eq!(metrics.pending.load(Ordering::Relaxed), 0, "nothing is pending");
    assert_eq!(metrics.failed.load(Ordering::Relaxed), 0);
    assert!(!metrics.last_commit_failed());
}
