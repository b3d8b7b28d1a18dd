//! The futures that wait for a revocation, found by what the entries of a publication revoke.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::revocation::log::RevocationEntry;
use crate::revocation::query::RevocationQuery;
use crate::revocation::subject_hash::SubjectHash;
use crate::revocation::sync::{Mutex, MutexGuard};

/// Wakes the waiters that an entry may concern, and no others. A publication costs one lock and one look-up for each entry,
/// however many waiters there are; without waiters only the lock.
#[derive(Clone, Default)]
pub(super) struct Waiters(Arc<Mutex<Registered>>);

#[derive(Default)]
struct Registered {
    last_id: u64,
    by_id: BTreeMap<u64, WaiterState>,
    by_subject: BTreeSet<(SubjectHash, u64)>,
}

enum WaiterState {
    /// Nothing has happened, and it does not wait yet.
    Registered,
    /// It waits to be woken.
    Waiting(Waker),
    /// Woken since it was polled last.
    Woken,
}

/// A place among the waiters of some revocations, until it is dropped: less than 1 KiB.
pub(crate) struct Waiter {
    waiters: Waiters,
    id: u64,
    subjects: [Option<SubjectHash>; 5],
}

impl Waiters {
    /// Wakes the waiters whose subjects are among those of `entries`. Call it after the entries are visible: a waiter that
    /// registers later finds them when it checks.
    pub(super) fn wake(&self, entries: &[RevocationEntry]) {
        let mut registered = self.lock();
        if registered.by_id.is_empty() {
            return;
        }
        let wakers: Vec<Waker> = entries.iter().flat_map(|entry| registered.take_wakers(entry)).collect();
        drop(registered);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Registers a waiter for the entries that concern `query`. Check the revocations afterwards: an entry that was published
    /// before is found by the check, and a later one wakes the waiter.
    pub(super) fn register(&self, query: &RevocationQuery) -> Waiter {
        let subjects = query.subjects();
        let mut registered = self.lock();
        registered.last_id += 1;
        let id = registered.last_id;
        registered.by_id.insert(id, WaiterState::Registered);
        registered.by_subject.extend(subjects.into_iter().flatten().map(|subject| (subject, id)));
        Waiter { waiters: self.clone(), id, subjects }
    }

    /// The number of waiters.
    pub(super) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        // No critical section can panic half-way, so a poisoned lock guards consistent maps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    fn take_wakers(&mut self, entry: &RevocationEntry) -> Vec<Waker> {
        let Some(subject) = SubjectHash::for_subject(&entry.subject) else {
            return self.by_id.values_mut().filter_map(WaiterState::wake).collect();
        };
        let concerned = self.by_subject.range((subject, 0)..=(subject, u64::MAX));
        concerned.filter_map(|(_, id)| self.by_id.get_mut(id)?.wake()).collect()
    }
}

impl WaiterState {
    fn wake(&mut self) -> Option<Waker> {
        match mem::replace(self, Self::Woken) {
            Self::Waiting(waker) => Some(waker),
            Self::Registered | Self::Woken => None,
        }
    }
}

impl Waiter {
    /// Ready once for each time it was woken since the last call.
    pub(crate) fn poll_woken(&self, cx: &Context<'_>) -> Poll<()> {
        let waiting = WaiterState::Waiting(cx.waker().clone());
        let mut registered = self.waiters.lock();
        let Some(state) = registered.by_id.get_mut(&self.id) else { return Poll::Ready(()) };
        let is_woken = matches!(state, WaiterState::Woken);
        let previous = mem::replace(state, if is_woken { WaiterState::Registered } else { waiting });
        // Cloning or dropping a waker may run code of the runtime, which must not find the lock taken.
        drop(registered);
        drop(previous);
        if is_woken { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut registered = self.waiters.lock();
        for subject in self.subjects.into_iter().flatten() {
            registered.by_subject.remove(&(subject, self.id));
        }
        let removed = registered.by_id.remove(&self.id);
        // As above.
        drop(registered);
        drop(removed);
    }
}
