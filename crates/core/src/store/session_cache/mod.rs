//! The exact memory in front of a store: live sessions judged without asking it.
//!
//! The rules of exactness. The store's writer alone takes sessions out of it, as a [`CommitListener`], after the
//! commit and before any caller is answered. A reader puts in what it has read only if nothing that the
//! reading depends on was changed since before it read. If a commit fails, everything is forgotten.
//!
//! One thing is known here first: that a session is used. It moves the end of its idle time at once, and is
//! written down a little later with the uses of others ([`SessionCache::take_last_seen`]).

mod id_hasher;
mod live_session;
mod slots;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use counterfoil_jose::Time;
use counterfoil_verify::{Principal, Revocations, SessionId, UserId};

use crate::client_error::InvalidCredential;
use crate::credentials::session_token::SessionToken;
use crate::model::session::{Session, SessionCredential};
use crate::store::session_cache::id_hasher::IdHasher;
use crate::store::session_cache::live_session::LiveSession;
use crate::store::session_cache::slots::Slots;
use crate::store::{AppliedChanges, Change, CommitListener, CutoffScope, LastSeen};

const SHARDS: usize = 64;

/// How many uses wait at most to be written down: more than a store writes in a second. Of a session whose
/// use found no room the next one is noted, a minute later.
const MAX_PENDING_LAST_SEEN: usize = 1 << 17;

/// What this process remembers of its store: live cookie sessions, and what was revoked.
///
/// A look-up is one read lock, one probe of a table and one digest; nothing is allocated.
pub struct SessionCache {
    shards: Box<[RwLock<Shard>]>,
    max_per_shard: usize,
    users: Mutex<Slots>,
    /// Raised *before* the slot of a changed user is struck out.
    user_version: AtomicU64,
    /// Raised by what can strike out anybody: a change of a client, or a mark for everyone.
    cutoff_version: AtomicU64,
    /// Uses that are to be written down. Taken after a shard's lock, never before.
    pending: Mutex<Vec<LastSeen>>,
    revocations: Arc<Revocations>,
}

#[derive(Default)]
struct Shard {
    generation: u64,
    sessions: HashMap<SessionId, LiveSession, BuildHasherDefault<IdHasher>>,
}

/// What was true before a reader read; without it nothing can be put in.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct CacheVersion {
    generation: u64,
    user_version: u64,
    cutoff_version: u64,
}

/// What a look-up found.
#[derive(Debug)]
pub enum CacheLookup {
    /// The session is live, and the token is its own.
    Hit(Principal),
    /// It is remembered, and the token is not good.
    Invalid(InvalidCredential),
    /// It is not remembered, or over as far as is remembered: ask the store.
    Miss,
}

impl SessionCache {
    /// Remembers at most about `max` sessions, and tells `revocations` what the log says.
    pub fn new(max: usize, revocations: Arc<Revocations>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            max_per_shard: max.div_ceil(SHARDS).max(1),
            users: Mutex::default(),
            user_version: AtomicU64::new(0),
            cutoff_version: AtomicU64::new(0),
            pending: Mutex::default(),
            revocations,
        }
    }

    /// Judges `presented` from memory, if its session is remembered. A use that is worth a write is noted.
    pub fn lookup(&self, presented: &SessionToken, now: Time) -> CacheLookup {
        let shard = self.read(presented.session());
        let Some(live) = shard.sessions.get(&presented.session()) else { return CacheLookup::Miss };
        if live.user.is_stale() || live.cutoff_version != self.cutoff_version.load(Ordering::Acquire) {
            return CacheLookup::Miss;
        }
        if !live.token_hash.matches(presented) {
            return CacheLookup::Invalid(InvalidCredential::Unknown);
        }
        // A later use may be kept than was known when it was read.
        if now >= live.ends_at {
            return CacheLookup::Miss;
        }
        if now < live.touch_at {
            return CacheLookup::Hit(live.principal.clone());
        }
        drop(shard);
        self.touch(presented.session(), now)
    }

    /// Moves the last use of a session that was just judged live to `now`. If it has been forgotten meanwhile,
    /// it must be judged by the store.
    fn touch(&self, session: SessionId, now: Time) -> CacheLookup {
        let mut shard = self.write(session);
        let Some(live) = shard.sessions.get_mut(&session) else { return CacheLookup::Miss };
        if live.touch(now) {
            self.record_last_seen(session, now);
        }
        CacheLookup::Hit(live.principal.clone())
    }

    /// Notes that a live session was used at `at`, to be written down with the uses of others.
    pub fn record_last_seen(&self, session: SessionId, at: Time) {
        let mut pending = self.pending();
        if pending.len() < MAX_PENDING_LAST_SEEN {
            pending.push(LastSeen { session, at });
        }
    }

    /// The uses that were noted since this was called last, to be given to the store: in the order of the
    /// sessions, so that neighbours in a table are written together.
    pub fn take_last_seen(&self) -> Vec<LastSeen> {
        let mut pending = std::mem::take(&mut *self.pending());
        pending.sort_unstable_by_key(|used| used.session);
        pending
    }

    /// Notes what is true before the session is read from the store.
    pub fn version(&self, session: SessionId) -> CacheVersion {
        CacheVersion {
            generation: self.read(session).generation,
            user_version: self.user_version.load(Ordering::Acquire),
            cutoff_version: self.cutoff_version.load(Ordering::Acquire),
        }
    }

    /// Remembers a live cookie session that was read after `note`, unless something was changed since.
    pub fn insert(&self, session: &Session, principal: Principal, version: CacheVersion) {
        let SessionCredential::Cookie(token_hash) = session.credential else { return };
        let user = self.users().get_or_insert(session.user);
        // The writer raises the age first and strikes out the slot then. So either it strikes out the very
        // slot that was just taken, or the age has changed before this line.
        if self.user_version.load(Ordering::Acquire) != version.user_version {
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
        let live = LiveSession::new(session, token_hash, principal, user, version.cutoff_version);
        shard.sessions.insert(session.id, live);
    }

    /// How many sessions are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).sessions.len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was revoked, as far as the log remembers.
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

    fn evict_all(&self) {
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

// Nothing in a critical section of this file can panic half-way, so a poisoned lock guards a whole value.
fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

impl CommitListener for SessionCache {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        for change in changes {
            match change {
                Change::InsertSession(session) | Change::ReplaceSession(session) => {
                    self.evict_session(session.id);
                }
                Change::EndSession(session, _) | Change::RefreshPosition(session) => {
                    self.evict_session(*session)
                }
                Change::ReplaceUser(user) => self.evict_user(user.id),
                Change::RemoveUser(user) | Change::RefreshPositionsOf(user) => self.evict_user(*user),
                Change::SetCutoff(CutoffScope::User(user)) => self.evict_user(*user),
                Change::SetCutoff(CutoffScope::Client(_) | CutoffScope::Everyone)
                | Change::ReplaceClient(_)
                | Change::RefreshCookiePositions => {
                    self.evict_all();
                }
                // The sessions that these end stand in `applied.ended_sessions`, the entries in `applied.entries`.
                Change::EndSessionsOf { .. }
                | Change::EndOldestSessionsOf { .. }
                | Change::AppendRevocation { .. } => {}
                Change::ExpectEpoch(..)
                | Change::ExpectClient(..)
                | Change::ExpectActive(..)
                | Change::ExpectAdminKey(_)
                | Change::InsertUser(_)
                | Change::MergeData { .. }
                | Change::InsertClient(_)
                | Change::InsertKey(_)
                | Change::ReplaceKey(_)
                | Change::StartRevocationLog { .. }
                | Change::SetMetadata(..)
                | Change::SetCounter(..)
                | Change::InsertAdminKey(_)
                | Change::RemoveAdminKey(_)
                | Change::RemoveAdminKeysOf(..)
                | Change::RecordEvent(_)
                | Change::RecordSessionEnds(_) => {}
            }
        }
        for session in &applied.ended_sessions {
            self.evict_session(*session);
        }
        // Rows before the head: who reads the head and then judges, judges by these rows.
        if let Some(last) = applied.entries.last() {
            self.revocations.publish(&applied.entries, last.position);
        }
    }

    fn on_failure(&self) {
        self.evict_all();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.generation += 1;
            shard.sessions.clear();
        }
    }
}
