//! The exact memory in front of a store: live sessions judged without asking it.
//!
//! The rules of exactness. The store's writer alone takes sessions out of it, as a [`Witness`], after the
//! commit and before any caller is answered. A reader puts in what it has read only if nothing that the
//! reading depends on was changed since before it read. If a commit fails, everything is forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{Principal, Revocations, SessionId, UserId};

use crate::issued::session::{Digest, SessionToken};
use crate::kept::session::{Session, Stub};
use crate::refusal::Unfit;
use crate::store::{Applied, Change, Mark, Witness};

const SHARDS: usize = 64;

/// What this process remembers of its store: live cookie sessions, and what was revoked.
///
/// A look-up is one read lock, one probe of a table and one digest; nothing is allocated.
pub struct Memory {
    shards: Box<[RwLock<Shard>]>,
    most_a_shard: usize,
    users: Mutex<Slots>,
    /// Raised *before* the slot of a changed user is struck out.
    users_age: AtomicU64,
    /// Raised by what can strike out anybody: a change of a client, or a mark for everyone.
    marks_age: AtomicU64,
    revocations: Arc<Revocations>,
}

#[derive(Default)]
struct Shard {
    generation: u64,
    sessions: HashMap<SessionId, Live, BuildHasherDefault<IdHasher>>,
}

/// One live session as far as a request needs it.
struct Live {
    digest: Digest,
    /// From when on a use is worth a write, and how long after one the next is.
    to_be_touched: Time,
    touch_interval: Duration,
    ends_at: Time,
    marks_age: u64,
    user: Arc<Slot>,
    /// The last time, in Unix milliseconds, that somebody set out to write down a use.
    touching: AtomicU64,
    principal: Principal,
}

/// Shared by all remembered sessions of one user: struck out when the user is changed.
#[derive(Default)]
struct Slot {
    stale: AtomicBool,
}

/// The slots of all users who have a session remembered, and some of users who had.
#[derive(Default)]
struct Slots {
    of: HashMap<UserId, Weak<Slot>>,
    sweep_at: usize,
}

impl Slots {
    /// Sweeps out slots whose sessions have all gone, whenever there are twice as many as were left last time.
    fn sweep(&mut self) {
        if self.of.len() >= self.sweep_at {
            self.of.retain(|_, slot| slot.strong_count() > 0);
            self.sweep_at = (2 * self.of.len()).max(1024);
        }
    }
}

/// What was true before a reader read; without it nothing can be put in.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Note {
    generation: u64,
    users_age: u64,
    marks_age: u64,
}

/// What a look-up found.
#[derive(Debug)]
pub enum Found {
    /// The session is live, and the token is its own.
    Live(Principal),
    /// The same, and it is time to write down that it was used. Told to one caller a minute.
    ToBeTouched(Principal),
    /// It is remembered, and the token is not good.
    Unfit(Unfit),
    /// It is not remembered: ask the store.
    Unknown,
}

impl Memory {
    /// Remembers at most about `most` sessions, and tells `revocations` what the log says.
    pub fn new(most: usize, revocations: Arc<Revocations>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            most_a_shard: most.div_ceil(SHARDS).max(1),
            users: Mutex::default(),
            users_age: AtomicU64::new(0),
            marks_age: AtomicU64::new(0),
            revocations,
        }
    }

    /// Judges `shown` from memory, if its session is remembered.
    pub fn find(&self, shown: &SessionToken, now: Time) -> Found {
        let shard = self.read(shown.session());
        let Some(live) = shard.sessions.get(&shown.session()) else { return Found::Unknown };
        if live.user.stale.load(Ordering::Acquire) || live.marks_age != self.marks_age.load(Ordering::Acquire)
        {
            return Found::Unknown;
        }
        if !live.digest.is_of(shown) {
            return Found::Unfit(Unfit::Unknown);
        }
        if now >= live.ends_at {
            return Found::Unfit(Unfit::Expired);
        }
        let principal = live.principal.clone();
        if live.is_to_be_touched(now) { Found::ToBeTouched(principal) } else { Found::Live(principal) }
    }

    /// Notes what is true before the session is read from the store.
    pub fn note(&self, session: SessionId) -> Note {
        Note {
            generation: self.read(session).generation,
            users_age: self.users_age.load(Ordering::Acquire),
            marks_age: self.marks_age.load(Ordering::Acquire),
        }
    }

    /// Remembers a live cookie session that was read after `note`, unless something was changed since.
    pub fn remember(&self, session: &Session, principal: Principal, note: Note) {
        let Stub::Cookie(digest) = session.stub else { return };
        let user = self.slot(session.user);
        // The writer raises the age first and strikes out the slot then. So either it strikes out the very
        // slot that was just taken, or the age has changed before this line.
        if self.users_age.load(Ordering::Acquire) != note.users_age {
            return;
        }
        let mut shard = self.write(session.id);
        if shard.generation != note.generation {
            return;
        }
        if shard.sessions.len() >= self.most_a_shard
            && let Some(other) = shard.sessions.keys().next().copied()
        {
            shard.sessions.remove(&other);
        }
        let live = Live {
            digest,
            to_be_touched: session.seen_at + session.touch_interval(),
            touch_interval: session.touch_interval(),
            ends_at: session.ends_at(),
            marks_age: note.marks_age,
            user,
            touching: AtomicU64::new(0),
            principal,
        };
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

    fn forget_session(&self, session: SessionId) {
        let mut shard = self.write(session);
        shard.generation += 1;
        shard.sessions.remove(&session);
    }

    fn forget_user(&self, user: UserId) {
        self.users_age.fetch_add(1, Ordering::AcqRel);
        if let Some(slot) = self.users().of.remove(&user).and_then(|slot| slot.upgrade()) {
            slot.stale.store(true, Ordering::Release);
        }
    }

    fn forget_everybody(&self) {
        self.marks_age.fetch_add(1, Ordering::AcqRel);
    }

    /// The slot that all sessions of `user` share.
    fn slot(&self, user: UserId) -> Arc<Slot> {
        let mut users = self.users();
        if let Some(slot) = users.of.get(&user).and_then(Weak::upgrade) {
            return slot;
        }
        users.sweep();
        let slot = Arc::new(Slot::default());
        users.of.insert(user, Arc::downgrade(&slot));
        slot
    }

    fn users(&self) -> MutexGuard<'_, Slots> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Live {
    /// Whether this caller is the one who writes down, this minute, that the session was used.
    fn is_to_be_touched(&self, now: Time) -> bool {
        if now < self.to_be_touched {
            return false;
        }
        let last = self.touching.load(Ordering::Relaxed);
        now >= Time::from_unix_ms(last) + self.touch_interval
            && self
                .touching
                .compare_exchange(last, now.unix_ms(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Witness for Memory {
    fn committed(&self, changes: &[Change], applied: &Applied) {
        for change in changes {
            match change {
                Change::InsertSession(session) | Change::SwapSession(session) => {
                    self.forget_session(session.id);
                }
                Change::EndSession(session, _) | Change::Restamp(session) => self.forget_session(*session),
                Change::SwapUser(user) => self.forget_user(user.id),
                Change::RemoveUser(user) | Change::RestampSessionsOf(user) => self.forget_user(*user),
                Change::RaiseNotBefore(Mark::User(user)) => self.forget_user(*user),
                Change::RaiseNotBefore(Mark::Client(_) | Mark::Everyone)
                | Change::SwapClient(_)
                | Change::RestampCookieSessions => {
                    self.forget_everybody();
                }
                // The sessions that these end stand in `applied.ended`, the entries in `applied.entries`.
                Change::EndSessionsOf { .. } | Change::EndOldestOf { .. } | Change::Append { .. } => {}
                Change::ExpectEpoch(..)
                | Change::ExpectClient(..)
                | Change::ExpectLive(..)
                | Change::ExpectAdminKey(_)
                | Change::InsertUser(_)
                | Change::MergeData { .. }
                | Change::InsertClient(_)
                | Change::InsertKey(_)
                | Change::SwapKey(_)
                | Change::BeginLog { .. }
                | Change::SetFact(..)
                | Change::SetCounter(..)
                | Change::InsertAdminKey(_)
                | Change::RemoveAdminKey(_)
                | Change::RemoveAdminKeysOf(..)
                | Change::Record(_)
                | Change::RecordEnds(_) => {}
            }
        }
        for session in &applied.ended {
            self.forget_session(*session);
        }
        // Rows before the head: who reads the head and then judges, judges by these rows.
        if let Some(last) = applied.entries.last() {
            self.revocations.publish(&applied.entries, last.position);
        }
    }

    fn failed(&self) {
        self.forget_everybody();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.generation += 1;
            shard.sessions.clear();
        }
    }
}

/// A session's id is random already; eight of its bytes are hash enough.
///
/// Only ids that the store knows are put in, so nobody can choose ids that collide.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut eight = [0; 8];
        for (to, from) in eight.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.0 = u64::from_le_bytes(eight);
    }

    // The length prefix that `[u8; 16]` hashes says nothing.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::{Carrier, ClientId, LogEntry, Position, PrincipalParts, Subject};

    use crate::kept::session::{Cause, Circumstances, Ended};
    use crate::store::Ending;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);
    const ADA: UserId = UserId::from_bytes([8; 16]);
    const ENDING: Ending = Ending { ended: Ended { at: NOON, cause: Cause::Logout }, until: NOON };

    fn memory() -> Memory {
        Memory::new(1000, Arc::new(Revocations::new()))
    }

    fn cookie(id: u8) -> (Session, SessionToken) {
        let token = SessionToken::draw(SessionId::from_bytes([id; 16])).unwrap();
        let session = Session {
            id: token.session(),
            user: ADA,
            client: ClientId::default(),
            stub: Stub::Cookie(token.digest()),
            authenticated_at: NOON,
            amr: Vec::new(),
            seen_at: NOON,
            idle: Duration::from_secs(3600),
            expires_at: NOON + Duration::from_secs(7200),
            pos: Position::START,
            scope: None,
            from: Circumstances::default(),
            label: None,
            ended: None,
            revision: 0,
        };
        (session, token)
    }

    fn principal() -> Principal {
        Principal::verified(PrincipalParts::new(Carrier::SessionToken, ADA.to_string(), NOON))
    }

    fn user() -> Change {
        Change::SwapUser(Box::new(crate::kept::user::User {
            id: ADA,
            username: "ada".parse().unwrap(),
            email: None,
            email_verified: false,
            password: None,
            roles: Vec::new(),
            disabled_at: None,
            epoch: 1,
            not_before: Position::START,
            created_at: NOON,
            revision: 1,
        }))
    }

    fn remembered() -> (Memory, Session, SessionToken) {
        let (memory, (session, token)) = (memory(), cookie(1));
        memory.remember(&session, principal(), memory.note(session.id));
        (memory, session, token)
    }

    fn is_found(memory: &Memory, token: &SessionToken) -> bool {
        matches!(memory.find(token, NOON), Found::Live(_))
    }

    fn committed(memory: &Memory, change: Change) {
        memory.committed(&[change], &Applied::default());
    }

    /// Each way to change what a session is judged by.
    fn strikes(session: &Session) -> Vec<Change> {
        vec![
            Change::EndSession(session.id, ENDING),
            Change::SwapSession(Box::new(session.clone())),
            Change::Restamp(session.id),
            user(),
            Change::RemoveUser(ADA),
            Change::RestampSessionsOf(ADA),
            Change::RaiseNotBefore(Mark::User(ADA)),
            Change::RaiseNotBefore(Mark::Client(ClientId::default())),
            Change::RaiseNotBefore(Mark::Everyone),
        ]
    }

    #[test]
    fn what_is_changed_is_forgotten() {
        for change in strikes(&cookie(1).0) {
            let (memory, _, token) = remembered();
            assert!(is_found(&memory, &token));

            committed(&memory, change.clone());

            assert!(matches!(memory.find(&token, NOON), Found::Unknown), "{change:?}");
        }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_put_in_after_it() {
        for change in strikes(&cookie(1).0) {
            let (memory, (session, token)) = (memory(), cookie(1));
            let note = memory.note(session.id);

            committed(&memory, change.clone());
            memory.remember(&session, principal(), note);

            assert!(!is_found(&memory, &token), "{change:?}");
        }
    }

    #[test]
    fn sessions_that_a_commit_ended_are_forgotten_with_it() {
        let (memory, session, token) = remembered();
        let change = Change::EndSessionsOf { user: ADA, except: None, ending: ENDING };

        memory.committed(&[change], &Applied { ended: vec![session.id], ..Applied::default() });

        assert!(!is_found(&memory, &token));
    }

    #[test]
    fn a_change_of_one_user_leaves_the_others_alone() {
        let (memory, _, token) = remembered();

        committed(&memory, Change::RaiseNotBefore(Mark::User(UserId::from_bytes([7; 16]))));

        assert!(is_found(&memory, &token));
    }

    #[test]
    fn a_user_is_remembered_anew_after_the_change() {
        let (memory, session, token) = remembered();
        committed(&memory, user());

        memory.remember(&session, principal(), memory.note(session.id));

        assert!(is_found(&memory, &token));
    }

    #[test]
    fn a_failed_commit_empties_the_memory_and_whatever_is_on_its_way() {
        let (memory, session, token) = remembered();
        let note = memory.note(session.id);

        memory.failed();
        assert!(memory.is_empty());
        memory.remember(&session, principal(), note);

        assert!(!is_found(&memory, &token));
    }

    #[test]
    fn memory_judges_the_secret_and_the_time() {
        let (memory, session, token) = remembered();
        let forged = SessionToken::draw(session.id).unwrap();

        assert!(matches!(memory.find(&forged, NOON), Found::Unfit(Unfit::Unknown)));
        assert!(matches!(memory.find(&token, session.ends_at()), Found::Unfit(Unfit::Expired)));
    }

    #[test]
    fn one_caller_a_minute_is_told_to_write_down_the_use() {
        let (memory, _, token) = remembered();
        let later = NOON + Duration::from_secs(60);

        assert!(matches!(memory.find(&token, later), Found::ToBeTouched(_)));
        assert!(matches!(memory.find(&token, later), Found::Live(_)), "somebody is at it");
        let still_not_written = later + Duration::from_secs(60);
        assert!(matches!(memory.find(&token, still_not_written), Found::ToBeTouched(_)));
    }

    #[test]
    fn the_log_reaches_the_revocations_with_the_commit() {
        let memory = memory();
        let entry = LogEntry { position: Position::new(9), subject: Subject::Everyone, until: None };

        memory.committed(&[], &Applied { entries: vec![entry], ..Applied::default() });

        assert_eq!(memory.revocations().head(), Position::new(9));
    }

    #[test]
    fn memory_is_bounded() {
        let memory = Memory::new(64, Arc::new(Revocations::new()));
        for n in 0..10_000_u32 {
            let (mut session, _) = cookie(1);
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            id[15] = n.to_le_bytes()[0];
            session.id = SessionId::from_bytes(id);
            memory.remember(&session, principal(), memory.note(session.id));
        }

        assert!(memory.len() <= 64, "{}", memory.len());
    }
}
