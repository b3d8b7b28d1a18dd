//! What a verifier does with a credential while it does not know the newest revocations.

use std::time::Duration;

/// What a verifier does with a valid credential while its revocations are stale, that is, while it is cut off from the feed.
///
/// A credential that is known to be revoked is refused in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StalePolicy {
    /// Refuses it: 503 with `Retry-After`. The default, because the credential may be revoked.
    #[default]
    Deny,
    /// Asks the issuer about it (`POST /oauth/introspect`, RFC 7662). The answer serves one request, and only within a second
    /// after the question was sent. If the issuer does not answer: 503.
    Introspect,
    /// Accepts it for this time after the lease has ended. A credential that is revoked meanwhile is accepted for so much
    /// longer, and a wait for the fleet takes so much longer, because the issuer is told the time: its setting
    /// `feed.max_stale` must allow it. Before the first complete poll nothing is accepted.
    DangerAcceptStale(Duration),
}
