//! The polls that wait: at most one of each instance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use counterfoil_core::services::revocation_feed::Follower;

/// The waiting polls. A new poll of an instance ends the one that waits: its verifier has given it up.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaitingPolls(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    polls: HashMap<Follower, (u64, oneshot::Sender<()>)>,
    next_id: u64,
}

/// A poll that waits until this is dropped.
#[derive(Debug)]
pub(crate) struct WaitingPoll {
    all: WaitingPolls,
    follower: Follower,
    id: u64,
    replaced: oneshot::Receiver<()>,
}

impl WaitingPolls {
    /// Registers a poll, and ends the one of the same instance that waits.
    pub(crate) fn register(&self, follower: &Follower) -> WaitingPoll {
        let (sender, replaced) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.next_id += 1;
        let id = waiting.next_id;
        // Dropping the former sender ends that poll.
        waiting.polls.insert(follower.clone(), (id, sender));
        WaitingPoll { all: self.clone(), follower: follower.clone(), id, replaced }
    }

    /// How many polls wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().polls.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // The map is consistent after each statement, so a poisoned lock is safe to use.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingPoll {
    /// Waits until another poll of the instance arrives.
    pub(crate) async fn replaced(&mut self) {
        let _ = (&mut self.replaced).await;
    }
}

impl Drop for WaitingPoll {
    fn drop(&mut self) {
        let mut waiting = self.all.lock();
        if waiting.polls.get(&self.follower).is_some_and(|(id, _)| *id == self.id) {
            waiting.polls.remove(&self.follower);
        }
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::credentials::verifier_key::VerifierKeyId;

    use super::*;

    fn follower(instance: &str) -> Follower {
        Follower { key: VerifierKeyId::from_bytes([1; 16]), instance: instance.parse().unwrap() }
    }

    #[tokio::test]
    async fn a_new_poll_of_an_instance_ends_the_one_that_waits() {
        let waiting = WaitingPolls::default();
        let mut first = waiting.register(&follower("a"));
        let _other = waiting.register(&follower("b"));

        let second = waiting.register(&follower("a"));

        first.replaced().await;
        assert_eq!(waiting.len(), 2);
        drop(first);
        assert_eq!(waiting.len(), 2, "the second one waits still");
        drop(second);
        assert_eq!(waiting.len(), 1);
    }
}
