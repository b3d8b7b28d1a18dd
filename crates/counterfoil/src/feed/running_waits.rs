//! The list of the waits for the fleet that are in progress.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use counterfoil_core::services::revocation_feed::FleetWait;
use counterfoil_verify::{RevocationPosition, RevocationSubject};

/// The waits in progress.
#[derive(Debug, Default)]
pub(crate) struct FleetWaits {
    waits: Mutex<Vec<RunningWait>>,
    running: AtomicUsize,
    next_id: AtomicU64,
    /// Wakes the waits when a verifier acknowledges.
    changed: Notify,
}

/// A wait in progress.
#[derive(Debug, Clone)]
pub(crate) struct RunningWait {
    id: u64,
    /// What is revoked.
    pub(crate) subject: RevocationSubject,
    /// The position that is awaited.
    pub(crate) position: RevocationPosition,
    /// What decides.
    pub(crate) wait: Arc<FleetWait>,
}

/// Removes a wait from the list when it ends.
pub(crate) struct Registration<'w> {
    waits: &'w FleetWaits,
    id: u64,
}

impl FleetWaits {
    /// A verifier has acknowledged something. It costs nothing unless somebody waits.
    pub(crate) fn acknowledged(&self) {
        if self.running.load(Ordering::SeqCst) > 0 {
            self.changed.notify_waiters();
        }
    }

    /// Adds a wait to the list, until the result is dropped.
    pub(crate) fn register(&self, subject: RevocationSubject, wait: Arc<FleetWait>) -> Registration<'_> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::SeqCst);
        self.lock().push(RunningWait { id, subject, position: wait.position(), wait });
        Registration { waits: self, id }
    }

    /// The waits in progress.
    pub(crate) fn all(&self) -> Vec<RunningWait> {
        self.lock().clone()
    }

    /// Is woken by each acknowledgement.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RunningWait>> {
        // The list is consistent after each statement, so a poisoned lock is safe to use.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.waits.lock().retain(|wait| wait.id != self.id);
        self.waits.running.fetch_sub(1, Ordering::SeqCst);
    }
}
