//! A slot for each user with cached sessions. It is invalidated when the user changes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use counterfoil_verify::UserId;

use crate::store::session_cache::sync::{AtomicBool, Ordering};

/// Shared by all cached sessions of one user.
#[derive(Default)]
pub(super) struct Slot {
    is_stale: AtomicBool,
}

impl Slot {
    /// Marks the user as changed: their cached sessions must be verified again.
    pub(super) fn invalidate(&self) {
        self.is_stale.store(true, Ordering::Release);
    }

    /// Whether the user has changed.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }
}

/// The slots of all users with cached sessions. A few may be left over.
#[derive(Default)]
pub(super) struct Slots {
    by_user: HashMap<UserId, Weak<Slot>>,
    sweep_at: usize,
}

impl Slots {
    /// The slot of `user`, which all their sessions share.
    pub(super) fn get_or_insert(&mut self, user: UserId) -> Arc<Slot> {
        if let Some(slot) = self.by_user.get(&user).and_then(Weak::upgrade) {
            return slot;
        }
        self.sweep();
        let slot = Arc::new(Slot::default());
        self.by_user.insert(user, Arc::downgrade(&slot));
        slot
    }

    /// Removes the slot of `user`, if there is one. Later sessions get a new one.
    pub(super) fn remove(&mut self, user: UserId) -> Option<Arc<Slot>> {
        self.by_user.remove(&user).and_then(|slot| slot.upgrade())
    }

    /// Removes slots without sessions, when the number of slots has doubled since the last time.
    fn sweep(&mut self) {
        if self.by_user.len() >= self.sweep_at {
            self.by_user.retain(|_, slot| slot.strong_count() > 0);
            self.sweep_at = (2 * self.by_user.len()).max(1024);
        }
    }
}
