//! Cases about commit listeners: they are called for every commit, in order, before the caller is answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use counterfoil_verify::{RevocationEntry, RevocationPosition};

use crate::store::conformance::fixture::{
    NOON, answer, applied, conflict, end, insert, one_login, revocation_log_after, session, session_id,
};
use crate::store::{AppliedChanges, Change, CommitListener, Store};

/// Records every call.
#[derive(Default)]
pub(super) struct RecordingListener(Mutex<Vec<(usize, AppliedChanges)>>);

impl RecordingListener {
    fn entries(&self) -> Vec<RevocationEntry> {
        self.read(|listener| listener.iter().flat_map(|(_, applied)| applied.entries.clone()).collect())
    }

    /// The number of calls.
    pub(super) fn count(&self) -> usize {
        self.read(<[_]>::len)
    }

    fn read<T>(&self, look: impl FnOnce(&[(usize, AppliedChanges)]) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CommitListener for RecordingListener {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((changes.len(), applied.clone()));
    }

    fn on_failure(&self) {}
}

pub(super) async fn recording_listener(store: &Arc<dyn Store>) -> Arc<RecordingListener> {
    let _ = one_login(store).await;
    let listener = Arc::new(RecordingListener::default());
    store.subscribe(Arc::clone(&listener) as Arc<dyn CommitListener>);
    listener
}

pub(super) async fn a_listener_is_called_before_the_caller_is_answered(store: Arc<dyn Store>) {
    let listener = recording_listener(&store).await;
    commit_in_parallel(&store, &listener).await;

    let mut reported = listener.entries();
    reported.sort_by_key(|entry| entry.position);
    assert_eq!(reported, revocation_log_after(&store, RevocationPosition::START).await.entries);
    assert!(listener.read(|listener| listener.iter().all(|(changes, _)| *changes == 2)));
}

pub(super) async fn a_listener_is_called_in_the_order_of_commits(store: Arc<dyn Store>) {
    let listener = recording_listener(&store).await;
    commit_in_parallel(&store, &listener).await;

    assert!(listener.entries().is_sorted_by(|a, b| a.position < b.position));
}

/// Opens and ends sessions, and looks after each commit whether the listener knows of it.
async fn commit_in_parallel(store: &Arc<dyn Store>, listener: &Arc<RecordingListener>) {
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let (store, listener) = (Arc::clone(store), Arc::clone(listener));
        callers.spawn(async move {
            for step in 0..10 {
                let number = 100 + caller * 10 + step;
                let done = applied(&store, &[insert(session(number, 1)), end(number, NOON)]).await;
                assert!(
                    listener.entries().contains(&done.entries[0]),
                    "the caller was answered before the listener"
                );
            }
        });
    }
    callers.join_all().await;
}

pub(super) async fn a_listener_is_called_without_a_waiting_caller(store: Arc<dyn Store>) {
    let listener = recording_listener(&store).await;
    let _ = timeout(Duration::ZERO, store.commit(&[end(1, NOON)].into())).await;
    let _ = applied(&store, &[]).await;

    assert_eq!(listener.read(|listener| listener[0].1.ended_sessions.clone()), [session_id(1)]);
}

pub(super) async fn a_listener_is_not_called_for_a_conflict(store: Arc<dyn Store>) {
    let listener = recording_listener(&store).await;
    let _ = conflict(&store, &[end(1, NOON), insert(session(1, 1))]).await;
    let _ = answer(store.session(session_id(1)).await);

    assert_eq!(listener.count(), 0);
}
