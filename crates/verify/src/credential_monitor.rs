//! The interface between a principal and what decides how long its credential is accepted.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;

use crate::authenticator::Clock;
use crate::credential_end::CredentialEnd;
use crate::principal::Principal;
use crate::revocation::Revocations;

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

    /// The current time.
    fn now(&self) -> Time;

    /// Until when the credential of `principal` is accepted if nothing revokes it. It is asked when a wait starts, and again
    /// at the time that it answered.
    fn accepted_until(&self, principal: &Principal, now: Time) -> AcceptedUntil;
}

/// Access tokens: they end at their expiry, which never moves.
pub(crate) struct AccessTokenMonitor {
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long a token is accepted after its `exp`.
    pub(crate) leeway: Duration,
}

impl CredentialMonitor for AccessTokenMonitor {
    fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn accepted_until(&self, principal: &Principal, _: Time) -> AcceptedUntil {
        Box::pin(std::future::ready(Ok(principal.expires_at() + self.leeway)))
    }
}
