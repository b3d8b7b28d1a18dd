//! The interface between a principal and what decides how long its credential is accepted.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;

use crate::credential_end::CredentialEnd;
use crate::id::SessionId;
use crate::revocation::Revocations;
use crate::revocation::log::RevocationPosition;

/// Until when a credential is accepted, as far as known now.
#[doc(hidden)]
pub type AcceptedUntil = Pin<Box<dyn Future<Output = Result<Time, CredentialEnd>> + Send>>;

/// What decides how long the credentials of one kind are accepted. All principals of a verifier share one.
///
/// It is public only for the crate that verifies session tokens.
#[doc(hidden)]
pub trait CredentialMonitor: Send + Sync + 'static {
    /// The revocations by which its credentials can end.
    fn revocations(&self) -> &Arc<Revocations>;

    /// The current time, for the expiry of credentials.
    fn now(&self) -> Time;

    /// The current time of the clock by which the freshness of the revocations is measured, if that is another one.
    fn lease_now(&self) -> Time {
        self.now()
    }

    /// For how long after their lease has ended the revocations are used for an open connection.
    fn accepted_stale(&self) -> Duration {
        Duration::ZERO
    }

    /// The longest such time that a connection may ask for: the issuer counts on no longer one.
    fn max_stale(&self) -> Duration {
        Duration::MAX
    }

    /// Until when the credential is accepted if nothing revokes it. It is asked when a wait starts, and again at the time that
    /// it answered.
    fn accepted_until(&self, credential: MonitoredCredential, now: Time) -> AcceptedUntil;
}

/// What a monitor needs to know of the credential of a principal.
#[derive(Debug, Clone, Copy)]
pub struct MonitoredCredential {
    /// The session.
    pub session: Option<SessionId>,
    /// The position of the principal.
    pub position: RevocationPosition,
    /// Distinguishes the session token from a later one of the same session.
    pub token_fingerprint: Option<u64>,
    /// The expiry, as known when the principal was made.
    pub expires_at: Time,
}
