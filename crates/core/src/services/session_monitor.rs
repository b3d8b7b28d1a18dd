//! Decides how long a session token is accepted, for connections that outlive their request.

use std::sync::{Arc, Weak};

use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedUntil, CredentialEnd, CredentialMonitor, LocalVerifier, MonitoredCredential, Revocations,
};

use crate::client_error::InvalidCredential;
use crate::store::Store;
use crate::store::session_cache::SessionCache;

/// Sessions: other requests extend them, so their expiry is read again when it has passed.
///
/// The references are weak, because the cache holds principals, and these hold the monitor.
pub(super) struct SessionMonitor {
    store: Weak<dyn Store>,
    cache: Weak<dyn SessionCache>,
    verifier: Arc<LocalVerifier>,
}

impl SessionMonitor {
    /// Reads the sessions of `store`, from `cache` where it is exact. The clock and the revocations are those of `verifier`.
    pub(super) fn new(
        store: &Arc<dyn Store>,
        cache: &Arc<dyn SessionCache>,
        verifier: &Arc<LocalVerifier>,
    ) -> Self {
        let (store, cache) = (Arc::downgrade(store), Arc::downgrade(cache));
        Self { store, cache, verifier: Arc::clone(verifier) }
    }
}

impl CredentialMonitor for SessionMonitor {
    fn revocations(&self) -> &Arc<Revocations> {
        self.verifier.revocations()
    }

    fn now(&self) -> Time {
        self.verifier.clock().now()
    }

    fn accepted_until(&self, credential: MonitoredCredential, now: Time) -> AcceptedUntil {
        let (store, cache, verifier) =
            (self.store.upgrade(), self.cache.upgrade(), Arc::clone(&self.verifier));
        Box::pin(async move {
            // The installation is closed.
            let (Some(store), Some(cache)) = (store, cache) else { return Err(CredentialEnd::Unavailable) };
            match cache.expires_at(credential).filter(|expires_at| *expires_at > now) {
                Some(expires_at) => Ok(expires_at),
                None => {
                    let expires_at = read_expiry(&*store, credential, now).await?;
                    // As for a request: what was read may be outdated.
                    if verifier.is_fresh() { Ok(expires_at) } else { Err(CredentialEnd::Unavailable) }
                }
            }
        })
    }
}

/// When a session expires, by its record. The revocations alone do not suffice: the entry that has ended a session is removed
/// when its access tokens have expired, and a principal may be older than that.
async fn read_expiry(
    store: &dyn Store,
    credential: MonitoredCredential,
    now: Time,
) -> Result<Time, CredentialEnd> {
    let session = credential.session.ok_or(CredentialEnd::Unavailable)?;
    let context = store.session_context(session).await.map_err(|error| {
        tracing::error!(%error, "the session of an open connection could not be read");
        CredentialEnd::Unavailable
    })?;
    let context = context.ok_or(CredentialEnd::SessionEnded)?;
    context.session.check_active(now).map_err(|reason| {
        let is_expired = reason == InvalidCredential::Expired;
        if is_expired { CredentialEnd::Expired } else { CredentialEnd::SessionEnded }
    })?;
    context.check_access().map_err(|_| CredentialEnd::SessionEnded)?;
    // The session continues, with another token since a change of the password, or at a later position since a change of the
    // roles.
    let is_same_token = context.session.token_fingerprint() == credential.token_fingerprint;
    if !is_same_token || credential.position < context.cutoff() {
        return Err(CredentialEnd::Revoked);
    }
    Ok(context.session.ends_at())
}
