//! The session cache in the memory of a process that writes to the store. If it is the only one, it is never stale.
//!
//! Three rules make it exact. Only the writer of the store invalidates sessions, as a [`CommitListener`], after
//! the commit and before the caller is answered. A reader inserts what it has read only if nothing that it
//! depends on has changed since before the read. If a commit fails, the cache is cleared. Where several processes write,
//! each applies the changes of the others too, and answers only while its lease says that it has read them.
//!
//! One change is known here before it is stored: the use of a session. It moves the idle timeout at once, and
//! is written to the store a little later ([`MemorySessionCache::take_last_seen`]).

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, PoisonError};

use counterfoil_jose::Time;
use counterfoil_verify::{MonitoredCredential, Principal, Revocations, SessionId, UserId};

use crate::client_error::InvalidCredential;
use crate::credentials::session_token::{SessionToken, TokenHash};
use crate::model::session::{EndReason, Session, SessionCredential};
use crate::store::session_cache::end_reasons::EndReasons;
use crate::store::session_cache::id_hasher::IdHasher;
use crate::store::session_cache::live_session::LiveSession;
use crate::store::session_cache::slots::Slots;
use crate::store::session_cache::sync::{
    AtomicU64, Mutex, MutexGuard, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use crate::store::session_cache::{CacheLookup, CacheVersion, Invalidation, SessionCache};
use crate::store::{AppliedChanges, Change, CommitListener, LastSeen};

const SHARDS: usize = 64;

/// The largest number of pending updates: more than a store writes in a second. If an update does not fit,
/// the next use of the session records it, a minute later.
const MAX_PENDING_LAST_SEEN: usize = 1 << 17;

/// Active cookie sessions and the revocations, in memory.
///
/// A look-up takes one read lock, one table access and one hash, and allocates nothing.
pub struct MemorySessionCache {
    shards: Box<[RwLock<Shard>]>,
    max_per_shard: usize,
    users: Mutex<Slots>,
    /// Raised before the slot of a changed user is invalidated.
    user_version: AtomicU64,
    /// Raised by changes that may affect any session: a change of a client, or a global cutoff.
    cutoff_version: AtomicU64,
    /// Updates of `seen_at` that are not stored yet. Locked after a shard, never before.
    pending: Mutex<Vec<LastSeen>>,
    revocations: Arc<Revocations>,
    end_reasons: EndReasons,
    /// Says whether what was read here before the call may be answered; `None`: always.
    lease: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

#[derive(Default)]
struct Shard {
    generation: u64,
    sessions: HashMap<SessionId, LiveSession, BuildHasherDefault<IdHasher>>,
}

/// What was current before a read from the store.
struct Version {
    generation: u64,
    user: u64,
    cutoffs: u64,
}

impl From<Version> for CacheVersion {
    fn from(version: Version) -> Self {
        Self::new([version.generation, version.user, version.cutoffs])
    }
}

impl From<CacheVersion> for Version {
    fn from(version: CacheVersion) -> Self {
        let [generation, user, cutoffs] = version.numbers();
        Self { generation, user, cutoffs }
    }
}

impl MemorySessionCache {
    /// A cache for about `max` sessions, which also publishes revocations to `revocations`.
    pub fn new(max: usize, revocations: Arc<Revocations>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            max_per_shard: max.div_ceil(SHARDS).max(1),
            users: Mutex::default(),
            user_version: AtomicU64::new(0),
            cutoff_version: AtomicU64::new(0),
            pending: Mutex::default(),
            revocations,
            end_reasons: EndReasons::default(),
            lease: None,
        }
    }

    /// The same cache for one of several processes that write to the store: it answers only if `is_held` says after the
    /// look-up that this process knows what the others have changed until lately.
    #[must_use]
    pub fn with_lease(self, is_held: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { lease: Some(Box::new(is_held)), ..self }
    }

    fn holds_lease(&self) -> bool {
        self.lease.as_ref().is_none_or(|is_held| is_held())
    }

    /// What is found while this process holds its lease.
    fn with_lease_held(&self, found: CacheLookup) -> CacheLookup {
        match found {
            CacheLookup::Miss => CacheLookup::Miss,
            found if self.holds_lease() => found,
            CacheLookup::Hit(_) | CacheLookup::Invalid(_) => CacheLookup::Miss,
        }
    }

    /// As [`SessionCache::lookup_bound`], whether or not this process holds its lease.
    fn find(
        &self,
        session: SessionId,
        check: impl FnOnce(&TokenHash) -> Result<(), InvalidCredential>,
        now: Time,
    ) -> CacheLookup {
        let shard = self.read(session);
        let Some(live) = shard.sessions.get(&session) else { return CacheLookup::Miss };
        if !self.is_current(live) {
            return CacheLookup::Miss;
        }
        if let Err(reason) = check(&live.token_hash) {
            return CacheLookup::Invalid(reason);
        }
        // The store may know of a later use than the cache.
        if now >= live.ends_at {
            return CacheLookup::Miss;
        }
        if now < live.touch_at {
            return CacheLookup::Hit(live.principal.clone());
        }
        drop(shard);
        self.touch(session, now)
    }

    /// Records a use of a session that was just found active. If it was evicted meanwhile, the store must
    /// verify the token.
    fn touch(&self, session: SessionId, now: Time) -> CacheLookup {
        let mut shard = self.write(session);
        let Some(live) = shard.sessions.get_mut(&session) else { return CacheLookup::Miss };
        if live.touch(now) {
            self.record_last_seen(session, now);
        }
        CacheLookup::Hit(live.principal.clone())
    }

    /// Whether neither its user nor what may affect any session has changed since it was verified.
    fn is_current(&self, live: &LiveSession) -> bool {
        !live.user.is_stale() && live.cutoff_version == self.cutoff_version.load(Ordering::Acquire)
    }

    /// Takes the recorded uses for [`Store::record_last_seen`](crate::store::Store::record_last_seen), in the
    /// order of the session ids, so that neighbouring rows are written together.
    pub fn take_last_seen(&self) -> Vec<LastSeen> {
        let mut pending = std::mem::take(&mut *self.pending());
        pending.sort_unstable_by_key(|used| used.session);
        pending
    }

    /// The number of cached sessions.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).sessions.len()).sum()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The current revocations.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    fn evict_session(&self, session: SessionId) {
        let mut shard = self.write(session);
        shard.generation += 1;
        shard.sessions.remove(&session);
    }

    fn evict_user(&self, user: UserId) {
        self.user_version.fetch_add(1, Ordering::AcqRel);
        if let Some(slot) = self.users().remove(user) {
            slot.invalidate();
        }
    }

    fn invalidate_all(&self) {
        self.cutoff_version.fetch_add(1, Ordering::AcqRel);
    }

    fn users(&self) -> MutexGuard<'_, Slots> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Vec<LastSeen>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, session: SessionId) -> &RwLock<Shard> {
        &self.shards[usize::from(session.as_bytes()[15]) % SHARDS]
    }

    fn read(&self, session: SessionId) -> RwLockReadGuard<'_, Shard> {
        read(self.shard(session))
    }

    fn write(&self, session: SessionId) -> RwLockWriteGuard<'_, Shard> {
        self.shard(session).write().unwrap_or_else(PoisonError::into_inner)
    }
}

// No critical section of this file can panic half-way, so a poisoned lock guards a consistent value.
fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

impl SessionCache for MemorySessionCache {
    fn version(&self, session: SessionId) -> CacheVersion {
        let version = Version {
            generation: self.read(session).generation,
            user: self.user_version.load(Ordering::Acquire),
            cutoffs: self.cutoff_version.load(Ordering::Acquire),
        };
        version.into()
    }

    fn lookup(&self, presented: &SessionToken, now: Time) -> CacheLookup {
        let check =
            |hash: &TokenHash| if hash.matches(presented) { Ok(()) } else { Err(InvalidCredential::Unknown) };
        self.with_lease_held(self.find(presented.session(), check, now))
    }

    fn lookup_bound(
        &self,
        session: SessionId,
        check: &dyn Fn(&TokenHash) -> Result<(), InvalidCredential>,
        now: Time,
    ) -> CacheLookup {
        self.with_lease_held(self.find(session, check, now))
    }

    fn insert(&self, session: &Session, principal: Principal, version: CacheVersion) {
        let SessionCredential::Cookie(token_hash) = session.credential else { return };
        let version = Version::from(version);
        let user = self.users().get_or_insert(session.user);
        // The writer raises the version first and invalidates the slot afterwards. So either it invalidates
        // this slot, or the version has changed before this line.
        if self.user_version.load(Ordering::Acquire) != version.user {
            return;
        }
        let mut shard = self.write(session.id);
        if shard.generation != version.generation {
            return;
        }
        if shard.sessions.len() >= self.max_per_shard
            && let Some(other) = shard.sessions.keys().next().copied()
        {
            shard.sessions.remove(&other);
        }
        let live = LiveSession::new(session, token_hash, principal, user, version.cutoffs);
        shard.sessions.insert(session.id, live);
    }

    fn record_last_seen(&self, session: SessionId, at: Time) {
        let mut pending = self.pending();
        if pending.len() < MAX_PENDING_LAST_SEEN {
            pending.push(LastSeen { session, at });
        }
    }

    fn expires_at(&self, credential: MonitoredCredential) -> Option<Time> {
        let session = credential.session?;
        let shard = self.read(session);
        let live = shard.sessions.get(&session)?;
        let is_same = live.principal.position() == credential.position
            && live.principal.token_fingerprint() == credential.token_fingerprint;
        (is_same && self.is_current(live) && self.holds_lease()).then_some(live.ends_at)
    }

    fn end_reason(&self, session: SessionId) -> Option<EndReason> {
        self.end_reasons.find(session)
    }

    fn invalidate(&self, invalidation: Invalidation) {
        match invalidation {
            Invalidation::Session(session) => self.evict_session(session),
            Invalidation::User(user) => self.evict_user(user),
            Invalidation::All => self.invalidate_all(),
        }
    }
}

impl CommitListener for MemorySessionCache {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        for invalidation in Invalidation::for_commit(changes, applied) {
            self.invalidate(invalidation);
        }
        if !applied.ended_sessions.is_empty() {
            // Before the entries, so that a request that finds a session revoked finds the reason.
            let ended = applied.ended_sessions.iter().copied();
            self.end_reasons.record(ended.zip(applied.end_reasons.iter().copied()));
        }
        // The entries are published together with the head, so that a reader of the head sees the entries.
        if let Some(last) = applied.entries.last() {
            self.revocations.publish(&applied.entries, last.position);
        }
    }

    fn on_failure(&self) {
        self.invalidate_all();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.generation += 1;
            shard.sessions.clear();
        }
    }
}
