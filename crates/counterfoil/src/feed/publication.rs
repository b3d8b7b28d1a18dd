//! Receives each commit, publishes its revocations to the waiting polls, and wakes them.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use counterfoil_core::store::{AppliedChanges, Change, CommitListener, Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationPosition};

use crate::clock::Clock;
use crate::feed::recent_entries::{EncodedEntries, RecentEntries};
use crate::store::node::Node;

/// How many entries are read from the store at a time.
const CATCH_UP_PAGE: NonZeroU32 = NonZeroU32::new(1_000).expect("it is not 0");

/// What waiting polls are woken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Published {
    /// The head of the log: every entry up to here can be read.
    pub(crate) head: RevocationPosition,
    /// Whether the server shuts down.
    pub(crate) is_closed: bool,
}

/// The published part of the revocation log.
///
/// Entries become readable before the head that covers them, so that a reader of the head finds them.
pub(crate) struct Publication {
    clock: Arc<Clock>,
    /// Other processes write to the log too: a commit of this one is published when all before it are read.
    node: Option<Arc<Node>>,
    recent: Mutex<RecentEntries>,
    published: watch::Sender<Published>,
    /// The last range that was encoded: all verifiers that were waiting ask for the same one.
    last_encoded: Mutex<Option<(Range, EncodedEntries)>>,
}

/// The entries after the first position, up to the second.
type Range = (RevocationPosition, RevocationPosition);

impl Publication {
    /// Nothing is published yet.
    pub(crate) fn new(clock: Arc<Clock>, node: Option<Arc<Node>>) -> Self {
        let published = Published { head: RevocationPosition::START, is_closed: false };
        Self {
            clock,
            node,
            recent: Mutex::default(),
            published: watch::Sender::new(published),
            last_encoded: Mutex::default(),
        }
    }

    /// Starts at the head of the store.
    pub(crate) fn start(&self, head: RevocationPosition) {
        self.recent().start(head);
        self.raise_head(head);
    }

    /// Ends all waiting, now and later.
    pub(crate) fn close(&self) {
        self.published.send_modify(|published| published.is_closed = true);
    }

    /// What is published now.
    pub(crate) fn published(&self) -> Published {
        *self.published.borrow()
    }

    /// Is woken by each publication.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Published> {
        self.published.subscribe()
    }

    /// Every active entry after this position is in memory.
    pub(crate) fn complete_after(&self) -> RevocationPosition {
        self.recent().complete_after()
    }

    /// The entries after `after`, up to `head`, encoded once for all verifiers that need the same range. `None` if some of
    /// them are no longer in memory: both are decided under one lock, so that no commit removes entries in between.
    pub(crate) fn entries(
        &self,
        after: RevocationPosition,
        head: RevocationPosition,
    ) -> Option<EncodedEntries> {
        if after >= head {
            return (after >= self.complete_after()).then(EncodedEntries::default);
        }
        let mut last = self.last_encoded.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((range, encoded)) if *range == (after, head) => Some(encoded.clone()),
            Some(_) | None => {
                let recent = self.recent();
                if after < recent.complete_after() {
                    return None;
                }
                let encoded = recent.between(after, head);
                *last = Some(((after, head), encoded.clone()));
                Some(encoded)
            }
        }
    }

    /// How many entries follow `after`, and the uptime at which the first of them was published.
    pub(crate) fn lag_of(&self, after: RevocationPosition) -> (usize, Option<std::time::Duration>) {
        self.recent().lag_of(after)
    }

    /// Removes entries whose credentials have all expired at `now`.
    pub(crate) fn prune(&self, now: Time) {
        self.recent().prune(now);
        *self.last_encoded.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads what the store has up to `position` and what no commit has announced: a position that was taken without an
    /// entry, or one that another process has written.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn catch_up(
        &self,
        store: &dyn Store,
        position: RevocationPosition,
    ) -> Result<(), StoreError> {
        loop {
            let head = self.published().head;
            if head >= position {
                return Ok(());
            }
            let page = store.revocation_log_after(head, CATCH_UP_PAGE).await?;
            if page.complete_up_to() <= head {
                // The store has no such position.
                return Ok(());
            }
            self.publish(&page.entries, page.complete_up_to());
        }
    }

    /// Publishes every entry after the head, up to `head`. Entries that are published already do not matter.
    pub(crate) fn publish(&self, entries: &[RevocationEntry], head: RevocationPosition) {
        self.recent().push(entries, self.clock.uptime());
        self.raise_head(head);
    }

    fn raise_head(&self, head: RevocationPosition) {
        self.published.send_modify(|published| published.head = published.head.max(head));
    }

    fn recent(&self) -> MutexGuard<'_, RecentEntries> {
        // The entries are consistent after each method, so a poisoned lock is safe to use.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitListener for Publication {
    /// Called after the commit, after the session cache of this process, and before the caller is answered.
    fn on_commit(&self, _: &[Change], applied: &AppliedChanges) {
        let Some(last) = applied.entries.last() else { return };
        match &self.node {
            Some(node) => node.wake.notify_one(),
            None => self.publish(&applied.entries, last.position),
        }
    }

    /// The store refuses everything from now on, so no poll is authenticated any more.
    fn on_failure(&self) {}
}
