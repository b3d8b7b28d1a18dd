//! No schedule of readers and the writer makes the session cache answer from before a change that was acknowledged.
#![cfg(shuttle)]

use std::sync::Arc;
use std::time::Duration;

use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::session::{EndReason, Session, SessionCredential, SessionEnd};
use counterfoil_core::model::user::User;
use counterfoil_core::store::conformance::{NOON, cookie_session};
use counterfoil_core::store::session_cache::{CacheLookup, MemorySessionCache, SessionCache as _};
use counterfoil_core::store::{AppliedChanges, Change, CommitListener as _, CutoffScope, SessionEnding};
use counterfoil_verify::{
    ClientId, CredentialKind, Principal, PrincipalParts, Revocations, SessionId, UserId,
};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

const ADA: UserId = UserId::from_bytes([8; 16]);
const ENDING: SessionEnding =
    SessionEnding { end: SessionEnd { at: NOON, reason: EndReason::Logout }, remember_until: NOON };

/// How many schedules are tried of each kind of change.
const SCHEDULES: usize = 2_000;
/// The most changes of the running thread at unlikely places in a schedule.
const DEPTH: usize = 4;

/// A store with one session that is either valid or not, before a cache.
struct Installation {
    cache: MemorySessionCache,
    session: Session,
    token: SessionToken,
    /// What a read of the store finds.
    is_valid: AtomicBool,
    /// Whether the caller of the change was answered.
    is_acknowledged: AtomicBool,
}

impl Installation {
    fn new() -> Arc<Self> {
        let token = SessionToken::generate(SessionId::from_bytes([1; 16])).unwrap();
        Arc::new(Self {
            cache: MemorySessionCache::new(1, Arc::new(Revocations::new())),
            session: session(&token),
            token,
            is_valid: AtomicBool::new(true),
            is_acknowledged: AtomicBool::new(false),
        })
    }

    /// A request with the session token, as the authenticator handles it. Whether it is accepted.
    fn request(&self) -> bool {
        match self.cache.lookup(&self.token, NOON) {
            CacheLookup::Hit(_) => true,
            CacheLookup::Invalid(_) => false,
            CacheLookup::Miss => self.read_and_insert(),
        }
    }

    fn read_and_insert(&self) -> bool {
        let version = self.cache.version(self.session.id);
        let is_valid = self.is_valid.load(Ordering::SeqCst);
        if is_valid {
            self.cache.insert(&self.session, principal(), version);
        }
        is_valid
    }

    /// The writer of the store: the change is durable, the cache hears of it, the caller is answered.
    fn commit(&self, changes: &[Change], applied: &AppliedChanges) {
        self.is_valid.store(false, Ordering::SeqCst);
        self.cache.on_commit(changes, applied);
        self.is_acknowledged.store(true, Ordering::SeqCst);
    }

    /// A request that begins after the answer is refused.
    fn check(&self) {
        if self.is_acknowledged.load(Ordering::SeqCst) {
            assert!(!self.request(), "a session is accepted after its end was acknowledged");
        }
    }
}

fn session(token: &SessionToken) -> Session {
    Session {
        credential: SessionCredential::Cookie(token.hash()),
        // A use is due, so that look-ups take the lock for writing too.
        seen_at: NOON - Duration::from_secs(600),
        ..cookie_session(token.session(), ADA)
    }
}

fn principal() -> Principal {
    Principal::from_verified(PrincipalParts::new(CredentialKind::SessionToken, ADA.to_string(), NOON))
}

/// Two readers, and a writer with this change.
fn try_schedules(change: impl Fn(&Installation) + Send + Sync + Copy + 'static) {
    let run = move || {
        let installation = Installation::new();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let installation = Arc::clone(&installation);
                thread::spawn(move || {
                    installation.request();
                    installation.check();
                })
            })
            .collect();
        let writer = Arc::clone(&installation);
        thread::spawn(move || change(&writer)).join().unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        installation.check();
    };
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, DEPTH);
}

#[test]
fn a_session_that_was_ended_is_not_accepted() {
    try_schedules(|installation| {
        let change = Change::end_session(installation.session.id, ENDING);
        installation.commit(&[change], &AppliedChanges::default());
    });
}

#[test]
fn a_session_whose_user_has_changed_is_not_accepted() {
    try_schedules(|installation| {
        let ada = User::new(ADA, "ada".parse().unwrap(), NOON);
        installation.commit(&[Change::replace_user(ada)], &AppliedChanges::default());
    });
}

#[test]
fn a_session_below_a_cutoff_is_not_accepted() {
    try_schedules(|installation| {
        installation.commit(&[Change::set_cutoff(CutoffScope::Everyone)], &AppliedChanges::default());
    });
}

#[test]
fn a_session_that_a_change_of_its_user_ends_is_not_accepted() {
    try_schedules(|installation| {
        let applied =
            AppliedChanges { ended_sessions: vec![installation.session.id], ..AppliedChanges::default() };
        installation.commit(&[Change::end_sessions_of(ADA, None, ENDING)], &applied);
    });
}

#[test]
fn after_a_failure_of_the_store_nothing_is_accepted_from_memory() {
    try_schedules(|installation| {
        installation.is_valid.store(false, Ordering::SeqCst);
        installation.cache.on_failure();
        installation.is_acknowledged.store(true, Ordering::SeqCst);
    });
}

/// The schedules find a cache whose readers take the version too late.
#[test]
#[should_panic(expected = "accepted after its end was acknowledged")]
fn a_version_that_is_taken_after_the_read_is_noticed() {
    shuttle::check_random(
        || {
            let installation = Installation::new();
            let reader = {
                let installation = Arc::clone(&installation);
                thread::spawn(move || {
                    if installation.is_valid.load(Ordering::SeqCst) {
                        let version = installation.cache.version(installation.session.id);
                        installation.cache.insert(&installation.session, principal(), version);
                    }
                })
            };
            let change = Change::end_session(installation.session.id, ENDING);
            installation.commit(&[change], &AppliedChanges::default());
            reader.join().unwrap();
            installation.check();
        },
        SCHEDULES,
    );
}
