//! Laws of witnesses: the memory in front of a store is told everything, in time, in order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use counterfoil_verify::{RevocationEntry, RevocationPosition};

use crate::store::conformance::fixture::{
    NOON, answer, applied, end, insert, lost, one_login, session, session_id, user_id,
};
use crate::store::{AppliedChanges, Change, CommitListener, Store};

/// Writes down what it is told.
#[derive(Default)]
pub(super) struct RecordingListener(Mutex<Vec<(usize, AppliedChanges)>>);

impl RecordingListener {
    fn entries(&self) -> Vec<RevocationEntry> {
        self.read(|notes| notes.iter().flat_map(|(_, applied)| applied.entries.clone()).collect())
    }

    /// How many commits it was told of.
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
    let notes = Arc::new(RecordingListener::default());
    store.subscribe(Arc::clone(&notes) as Arc<dyn CommitListener>);
    notes
}

pub(super) async fn a_witness_is_told_before_the_caller_and_in_order(store: Arc<dyn Store>) {
    let notes = recording_listener(&store).await;
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let (store, notes) = (Arc::clone(&store), Arc::clone(&notes));
        callers.spawn(async move {
            for step in 0..10 {
                let number = 100 + caller * 10 + step;
                let done = applied(&store, &[insert(session(number, 1)), end(number, NOON)]).await;
                assert!(notes.entries().contains(&done.entries[0]), "the caller was told first");
            }
        });
    }
    callers.join_all().await;

    let reported = notes.entries();
    assert!(reported.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(reported, answer(store.revocation_log_after(RevocationPosition::START).await).entries);
    assert!(notes.read(|notes| notes.iter().all(|(changes, _)| *changes == 2)));
}

pub(super) async fn a_witness_is_told_for_a_caller_who_went_away(store: Arc<dyn Store>) {
    let notes = recording_listener(&store).await;
    let _ = timeout(Duration::ZERO, store.commit(&[end(1, NOON)])).await;
    let _ = applied(&store, &[]).await;

    assert_eq!(notes.read(|notes| notes[0].1.ended_sessions.clone()), [session_id(1)]);
}

pub(super) async fn a_witness_is_not_told_what_was_lost(store: Arc<dyn Store>) {
    let notes = recording_listener(&store).await;
    let _ = lost(&store, &[end(1, NOON), Change::ExpectEpoch(user_id(1), 7)]).await;
    let _ = answer(store.session(session_id(1)).await);

    assert_eq!(notes.count(), 0);
}
