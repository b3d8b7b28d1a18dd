//! A session cache that processes share, between the memory of each and the store.

mod cached_session;
mod metrics;
mod recent_changes;
mod sessions;

use std::time::Duration;

use async_trait::async_trait;

use counterfoil_verify::SessionId;

use crate::credentials::session_token::SessionToken;

pub use cached_session::{CachedSession, CachedUser};
pub use metrics::{SharedCacheMetrics, SharedLookup};
pub use sessions::SharedSessions;

/// How long after its read from the store a session is answered from a shared cache.
pub const MAX_SHARED_AGE: Duration = Duration::from_secs(60);

/// A cache outside of this process, such as Redis. It is never the home of a session.
///
/// # Staleness
///
/// A cache of this kind loses values, brings back older ones after a failover, and may be written to by an attacker. So
/// [`SharedSessions`] decides whether a value is used, by what this process knows, and the cache has three duties only:
///
/// - **Authenticity.** [`find`](Self::find) returns only what a process of this installation has given to
///   [`insert`](Self::insert), for this session and the secret of this token. An attacker who can write to the cache would
///   otherwise log in as anyone.
/// - **Speed.** No call waits longer than a tenth of a second, and none waits for a connection. A cache that does not answer
///   is a cache without the session.
/// - **Generations.** [`generation`](Self::generation) changes whenever the cache may have changed its contents unseen: with
///   each new connection.
///
/// A value says at which position of the revocation log and at what time it was read from the store. It is used only if
///
/// - no entry of the log that this process has applied concerns the session, and none above the position its user, its
///   client or everyone. So a session that ended at another node is refused as soon as this node has applied the entry,
///   whatever the cache holds. A node whose revocations are not fresh uses no value;
/// - this process has not heard of another change of the session or its user since, or within a few seconds before;
/// - it is at most [`MAX_SHARED_AGE`] old, and from this generation of the cache.
///
/// Everything else is read from the store. Marks of ended and replaced sessions only spare the others a useless read.
#[async_trait]
pub trait SharedSessionCache: Send + Sync + 'static {
    /// The session of this token, if the cache has it for this secret. A wrong secret finds nothing.
    async fn find(&self, presented: &SessionToken) -> SharedLookup;

    /// Stores a session in the background for `age` at most, unless the cache has a higher revision of it.
    fn insert(&self, session: &CachedSession, age: Duration);

    /// Replaces what the cache has of a session with a mark, in the background. Sessions with a lower revision are not stored
    /// for [`MAX_SHARED_AGE`]; with `None` the session has ended, and no revision is.
    fn supersede(&self, session: SessionId, revision: Option<u64>);

    /// A number that is raised with each new connection.
    fn generation(&self) -> u64;

    /// The metrics.
    fn metrics(&self) -> &SharedCacheMetrics;
}
