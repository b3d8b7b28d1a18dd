//! One slot for each user who has a session remembered: struck out when the user is changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use counterfoil_verify::UserId;

/// Shared by all remembered sessions of one user.
#[derive(Default)]
pub(super) struct Slot {
    is_stale: AtomicBool,
}

impl Slot {
    /// Says that the user was changed: what was judged by the former one is judged anew.
    pub(super) fn invalidate(&self) {
        self.is_stale.store(true, Ordering::Release);
    }

    /// Whether the user was changed since.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }
}

/// The slots of all users who have a session remembered, and some of users who had.
#[derive(Default)]
pub(super) struct Slots {
    by_user: HashMap<UserId, Weak<Slot>>,
    sweep_at: usize,
}

impl Slots {
    /// The slot that all sessions of `user` share.
    pub(super) fn get_or_insert(&mut self, user: UserId) -> Arc<Slot> {
        if let Some(slot) = self.by_user.get(&user).and_then(Weak::upgrade) {
            return slot;
        }
        self.sweep();
        let slot = Arc::new(Slot::default());
        self.by_user.insert(user, Arc::downgrade(&slot));
        slot
    }

    /// Takes the slot of `user` out, if there is one: whoever comes later gets a new one.
    pub(super) fn remove(&mut self, user: UserId) -> Option<Arc<Slot>> {
        self.by_user.remove(&user).and_then(|slot| slot.upgrade())
    }

    /// Sweeps out slots whose sessions have all gone, whenever there are twice as many as were left last time.
    fn sweep(&mut self) {
        if self.by_user.len() >= self.sweep_at {
            self.by_user.retain(|_, slot| slot.strong_count() > 0);
            self.sweep_at = (2 * self.by_user.len()).max(1024);
        }
    }
}
