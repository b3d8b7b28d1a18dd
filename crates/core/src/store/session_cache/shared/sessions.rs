//! A shared cache together with what this process knows of revocations and changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use counterfoil_jose::Time;
use counterfoil_verify::{Clock, RevocationQuery, Revocations, SessionId};

use crate::credentials::session_token::SessionToken;
use crate::model::session::SessionCredential;
use crate::store::session_cache::Invalidation;
use crate::store::session_cache::shared::recent_changes::{MAX_CLOCK_DIFFERENCE, RecentChanges};
use crate::store::session_cache::shared::{
    CachedSession, MAX_SHARED_AGE, SharedCacheMetrics, SharedLookup, SharedSessionCache,
};
use crate::store::{AppliedChanges, Change, CommitListener, SessionOp};

/// Answers from a [`SharedSessionCache`] as far as this process can be sure of it.
///
/// It must hear of a commit before the [`MemorySessionCache`](crate::store::session_cache::MemorySessionCache) does: subscribe it
/// first. A request that notes the version of that cache after the commit then finds the change here, and cannot put the value
/// of before into memory.
pub struct SharedSessions {
    cache: Arc<dyn SharedSessionCache>,
    revocations: Arc<Revocations>,
    clock: Arc<dyn Clock>,
    changes: Mutex<RecentChanges>,
    /// The generation of the cache for which `changes` holds.
    generation: AtomicU64,
}

impl SharedSessions {
    /// Answers from `cache`. `revocations` are those that this process has applied. Nothing that was read before this call is
    /// used: this process has not heard of the changes of before.
    pub fn new(
        cache: Arc<dyn SharedSessionCache>,
        revocations: Arc<Revocations>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let generation = AtomicU64::new(cache.generation());
        let mut changes = RecentChanges::default();
        changes.distrust_all(clock.now());
        Self { cache, revocations, clock, changes: Mutex::new(changes), generation }
    }

    /// The active session of this token at `now`, if the cache has it and nothing this process knows of speaks against it.
    /// `None` says nothing about the token: ask the store.
    pub async fn find(&self, presented: &SessionToken, now: Time) -> Option<CachedSession> {
        self.observe_generation();
        let metrics = self.cache.metrics();
        let counter = match self.cache.find(presented).await {
            SharedLookup::Found(found) if self.is_current(&found, presented, now) => {
                SharedCacheMetrics::count(&metrics.hits);
                return Some(*found);
            }
            SharedLookup::Found(_) => &metrics.outdated,
            SharedLookup::Absent => &metrics.misses,
            SharedLookup::Unverified => &metrics.unverified,
            SharedLookup::Unavailable => &metrics.unavailable,
        };
        SharedCacheMetrics::count(counter);
        None
    }

    /// Offers a session that was read from the store and found valid.
    pub fn insert(&self, session: &CachedSession) {
        let age = MAX_SHARED_AGE.saturating_sub(self.clock.now().since(session.read_at));
        if !age.is_zero() {
            self.cache.insert(session, age);
        }
    }

    /// Makes sure that no later look-up uses what was read before this call. A node that learns of a change of another node
    /// calls it before the change reaches its memory.
    pub fn invalidate(&self, invalidation: Invalidation) {
        self.changes().record(invalidation, self.clock.now());
    }

    /// The metrics of the cache.
    pub fn metrics(&self) -> &SharedCacheMetrics {
        self.cache.metrics()
    }

    /// Whether the session is what the store would answer with, as far as this process has applied the changes.
    fn is_current(&self, found: &CachedSession, presented: &SessionToken, now: Time) -> bool {
        // Again: the value may have come by a connection that was made meanwhile.
        self.observe_generation();
        let session = &found.session;
        let is_young = found.read_at <= now + MAX_CLOCK_DIFFERENCE && now < found.read_at + MAX_SHARED_AGE;
        is_young
            && self.changes().all_precede(found.read_at, session.id, session.user)
            && !self.is_revoked(found)
            && session.verify_token(presented, now).is_ok()
    }

    /// Whether an entry of the revocation log concerns the session since it was read. An entry for the session itself counts at
    /// any position: a session that has ended stays so.
    fn is_revoked(&self, found: &CachedSession) -> bool {
        let session = &found.session;
        let query = RevocationQuery::new(found.log_head).session(session.id).user(session.user);
        let status = self.revocations.check(&query.client(&session.client));
        status.revoked.is_some() || !status.freshness.is_fresh(|| self.clock.now())
    }

    /// After a new connection nothing is used that was read before: the cache may be another one, or an older state of it.
    fn observe_generation(&self) {
        let generation = self.cache.generation();
        if self.generation.load(Ordering::Acquire) != generation {
            self.changes().distrust_all(self.clock.now());
            self.generation.store(generation, Ordering::Release);
        }
    }

    fn changes(&self) -> MutexGuard<'_, RecentChanges> {
        // No critical section can panic half-way.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitListener for SharedSessions {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        let now = self.clock.now();
        for invalidation in Invalidation::for_commit(changes, applied) {
            // What did not exist, or never had a session token, is in no cache.
            let is_cached = match invalidation {
                Invalidation::Session(session) => !changes.iter().any(|change| leaves_out(change, session)),
                Invalidation::User(_) | Invalidation::All => true,
            };
            if is_cached {
                self.changes().record(invalidation, now);
            }
        }
        for ended in &applied.ended_sessions {
            self.cache.supersede(*ended, None);
        }
        for change in changes {
            if let Change::Session(SessionOp::Replace(session)) = change
                && matches!(session.credential, SessionCredential::Cookie(_))
            {
                self.cache.supersede(session.id, Some(session.revision));
            }
        }
    }

    fn on_failure(&self) {
        self.changes().distrust_all(self.clock.now());
    }
}

/// Whether the change says of this session that no cache has it: it is new, or it has no session token.
fn leaves_out(change: &Change, id: SessionId) -> bool {
    match change {
        Change::Session(SessionOp::Insert(session)) => session.id == id,
        Change::Session(SessionOp::Replace(session)) => {
            session.id == id && !matches!(session.credential, SessionCredential::Cookie(_))
        }
        _ => false,
    }
}
