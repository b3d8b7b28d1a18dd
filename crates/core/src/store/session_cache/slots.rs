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
    pub(super) fn strike_out(&self) {
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
    of: HashMap<UserId, Weak<Slot>>,
    sweep_at: usize,
}

impl Slots {
    /// The slot that all sessions of `user` share.
    pub(super) fn of(&mut self, user: UserId) -> Arc<Slot> {
        if let Some(slot) = self.of.get(&user).and_then(Weak::upgrade) {
            return slot;
        }
        self.sweep();
        let slot = Arc::new(Slot::default());
        self.of.insert(user, Arc::downgrade(&slot));
        slot
    }

    /// Takes the slot of `user` out, if there is one: whoever comes later gets a new one.
    pub(super) fn take(&mut self, user: UserId) -> Option<Arc<Slot>> {
        self.of.remove(&user).and_then(|slot| slot.upgrade())
    }

    /// Sweeps out slots whose sessions have all gone, whenever there are twice as many as were left last time.
    fn sweep(&mut self) {
        if self.of.len() >= self.sweep_at {
            self.of.retain(|_, slot| slot.strong_count() > 0);
            self.sweep_at = (2 * self.of.len()).max(1024);
        }
    }
}
