//! The list of the waits for the fleet that are in progress.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use counterfoil_core::services::revocation_feed::FleetWait;
use counterfoil_verify::{RevocationPosition, RevocationSubject};

/// The waits in progress.
#[derive(Debug, Default)]
pub(crate) struct FleetWaits {
    waits: Mutex<Vec<RunningWait>>,
    running: AtomicUsize,
    next_id: AtomicU64,
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
    acknowledgements: Arc<Acknowledgements>,
}

/// Counts the acknowledgements of one wait, and wakes it when there are enough: to look at every lease for each of a
/// thousand acknowledgements would be a million looks.
#[derive(Debug, Default)]
struct Acknowledgements {
    count: AtomicUsize,
    wake_at: AtomicUsize,
    reached: Notify,
}

/// Removes a wait from the list when it ends.
pub(crate) struct Registration<'w> {
    waits: &'w FleetWaits,
    id: u64,
    acknowledgements: Arc<Acknowledgements>,
}

impl FleetWaits {
    /// A verifier has acknowledged `position`. It costs nothing while no wait is in progress.
    pub(crate) fn acknowledged(&self, position: RevocationPosition) {
        if self.running.load(Ordering::SeqCst) > 0 {
            let waits = self.lock();
            waits.iter().filter(|it| it.position <= position).for_each(|it| it.acknowledgements.add());
        }
    }

    /// Adds a wait to the list, until the result is dropped.
    pub(crate) fn register(&self, subject: RevocationSubject, wait: Arc<FleetWait>) -> Registration<'_> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let acknowledgements = Arc::<Acknowledgements>::default();
        self.running.fetch_add(1, Ordering::SeqCst);
        self.lock().push(RunningWait {
            id,
            subject,
            position: wait.position(),
            wait,
            acknowledgements: Arc::clone(&acknowledgements),
        });
        Registration { waits: self, id, acknowledgements }
    }

    /// The waits in progress.
    pub(crate) fn all(&self) -> Vec<RunningWait> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RunningWait>> {
        // The list is consistent after each statement, so a poisoned lock is safe to use.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acknowledgements {
    fn add(&self) {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if count >= self.wake_at.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }
}

impl Registration<'_> {
    /// How many acknowledgements there were so far. It is read before the leases.
    pub(crate) fn acknowledgements(&self) -> usize {
        self.acknowledgements.count.load(Ordering::SeqCst)
    }

    /// Waits until `more` acknowledgements have arrived since there were `before`.
    pub(crate) async fn acknowledged(&self, before: usize, more: usize) {
        let wake_at = before + more;
        self.acknowledgements.wake_at.store(wake_at, Ordering::SeqCst);
        // Those that arrived before the store have seen another number.
        while self.acknowledgements() < wake_at {
            self.acknowledgements.reached.notified().await;
        }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.waits.lock().retain(|wait| wait.id != self.id);
        self.waits.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::services::revocation_feed::LeaseTable;
    use tokio::task::yield_now;

    use super::*;

    const POSITION: RevocationPosition = RevocationPosition::new(8);

    #[tokio::test]
    async fn a_wait_is_woken_by_the_last_acknowledgement_of_its_position_only() {
        let (waits, now) = (Arc::new(FleetWaits::default()), std::time::Duration::ZERO);
        let wait = FleetWait::start(&LeaseTable::new(1), POSITION, now, now);
        let shared = Arc::clone(&waits);
        let woken = tokio::spawn(async move {
            let registration = shared.register(RevocationSubject::Everyone, Arc::new(wait));
            registration.acknowledged(0, 3).await;
        });
        yield_now().await;

        waits.acknowledged(RevocationPosition::new(7));
        for _ in 0..2 {
            waits.acknowledged(POSITION);
        }
        yield_now().await;
        assert!(!woken.is_finished());
        waits.acknowledged(RevocationPosition::new(9));

        woken.await.unwrap();
        assert!(waits.all().is_empty());
    }
}
