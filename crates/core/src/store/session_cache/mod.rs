//! The cache of active sessions in front of a store, and how stale its answers may be.

mod end_reasons;
mod id_hasher;
mod invalidation;
mod live_session;
mod memory;
pub mod shared;
mod slots;
mod sync;

use counterfoil_jose::Time;
use counterfoil_verify::{MonitoredCredential, Principal, SessionId};

use crate::client_error::InvalidCredential;
use crate::credentials::session_token::{SessionToken, TokenHash};
use crate::model::session::{EndReason, Session};

pub use invalidation::Invalidation;
pub use memory::MemorySessionCache;

/// A cache of active cookie sessions: it answers for a session token without a read of the store.
///
/// # Staleness
///
/// An attacker who holds a stolen session token profits from each moment in which a cache still answers for a
/// session that was ended. How long that may be depends on who writes to the store:
///
/// - **Not at all** where this process is the only writer. The writer calls
///   [`invalidate`](SessionCache::invalidate) after a commit is durable and before its caller is answered, as a
///   [`CommitListener`](crate::store::CommitListener). After the answer to a logout no lookup finds the session.
/// - **Not beyond the lease of the node** where several nodes follow the revocation log by position. A node
///   that has not read the log up to its head within its lease answers every lookup with
///   [`CacheLookup::Miss`].
///
/// In both cases an invalidation also cancels the inserts whose [`CacheVersion`] was read before it, so a slow
/// reader cannot put back what it had read before the change. A cache that lost count, for example because it
/// was not called for a commit, must be empty.
///
/// A cache may forget a session at any time. Its own lookups extend the idle timeout, so it knows of a use
/// before the store does.
pub trait SessionCache: Send + Sync + 'static {
    /// The version to pass to [`insert`](SessionCache::insert). Call it before the session is read from the
    /// store.
    fn version(&self, session: SessionId) -> CacheVersion;

    /// Verifies `presented` if its session is cached, and records its use if an update is due.
    fn lookup(&self, presented: &SessionToken, now: Time) -> CacheLookup;

    /// As [`lookup`](SessionCache::lookup), for a credential that is bound to the session token of its session: `check` decides by
    /// the hash of that token whether the credential is valid. It is called before anything else of the session is compared.
    fn lookup_bound(
        &self,
        session: SessionId,
        check: &dyn Fn(&TokenHash) -> Result<(), InvalidCredential>,
        now: Time,
    ) -> CacheLookup {
        let _ = (session, check, now);
        CacheLookup::Miss
    }

    /// Inserts an active session that was read after `version`, unless something that it depends on has
    /// changed since. Sessions without a session token are left out.
    fn insert(&self, session: &Session, principal: Principal, version: CacheVersion);

    /// Makes sure that no later lookup answers from what was read before this call.
    fn invalidate(&self, invalidation: Invalidation);

    /// Records that an active session was used at `at`, to be written to the store later.
    fn record_last_seen(&self, session: SessionId, at: Time);

    /// When the session of this credential expires if it is not used again. `None` if the store must be asked: the session is
    /// not cached, or something has changed since the credential was verified.
    fn expires_at(&self, credential: MonitoredCredential) -> Option<Time> {
        let _ = credential;
        None
    }

    /// Why a session has ended, for the log. `None` if the cache does not remember it.
    fn end_reason(&self, session: SessionId) -> Option<EndReason> {
        let _ = session;
        None
    }
}

/// What a cache knew of a session before it was read from the store. Only the cache that made it can read it.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct CacheVersion([u64; 3]);

impl CacheVersion {
    /// A version of these numbers, whose meaning is up to the cache.
    pub fn new(numbers: [u64; 3]) -> Self {
        Self(numbers)
    }

    /// The numbers.
    pub fn numbers(self) -> [u64; 3] {
        self.0
    }
}

/// The result of a look-up.
#[derive(Debug)]
pub enum CacheLookup {
    /// The session is active, and the credential belongs to it.
    Hit(Principal),
    /// The session is cached, and the credential is not valid.
    Invalid(InvalidCredential),
    /// The session is not cached, or it has expired as far as the cache knows: ask the store.
    Miss,
}
