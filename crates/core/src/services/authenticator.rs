//! Authenticates requests by session token or access token.

use std::sync::Arc;

use serde_json::{Map, Value};

use counterfoil_jose::Time;
use counterfoil_verify::{
    AuthError, AuthFuture, Authenticator, CredentialKind, CredentialMonitor, InvalidReason, LocalVerifier,
    PresentedCredential, Principal, PrincipalParts, SubjectKind,
};

use crate::client_error::InvalidCredential;
use crate::credentials::session_token::SessionToken;
use crate::model::user::User;
use crate::services::session_monitor::SessionMonitor;
use crate::store::session_cache::{CacheLookup, SessionCache};
use crate::store::{SessionContext, Store, StoreError};

/// Checks session tokens against the session record, from the cache where it is exact, and access tokens by their
/// signature and the revocations.
pub struct StoreAuthenticator {
    store: Arc<dyn Store>,
    cache: Arc<dyn SessionCache>,
    verifier: Arc<LocalVerifier>,
    monitor: Arc<dyn CredentialMonitor>,
}

impl StoreAuthenticator {
    /// Creates an authenticator. `cache` must listen to the commits of `store`; `verifier` verifies the access tokens of
    /// this issuer.
    pub fn new(store: Arc<dyn Store>, cache: Arc<impl SessionCache>, verifier: Arc<LocalVerifier>) -> Self {
        let cache: Arc<dyn SessionCache> = cache;
        let monitor = Arc::new(SessionMonitor::new(&store, &cache, &verifier));
        Self { store, cache, verifier, monitor }
    }

    fn authenticate_session(&self, text: &str, now: Time) -> AuthFuture {
        let Ok(presented) = text.parse::<SessionToken>() else {
            return AuthFuture::Ready(Err(invalid(InvalidCredential::Malformed)));
        };
        match self.cache.lookup(&presented, now) {
            CacheLookup::Hit(principal) => AuthFuture::Ready(Ok(principal)),
            CacheLookup::Invalid(reason) => AuthFuture::Ready(Err(invalid(reason))),
            CacheLookup::Miss => {
                let (store, cache) = (self.store.clone(), self.cache.clone());
                let (monitor, verifier) = (self.monitor.clone(), self.verifier.clone());
                AuthFuture::Pending(Box::pin(async move {
                    let principal =
                        authenticate_by_store(&*store, (&*cache, &monitor), &presented, now).await?;
                    // One of several processes that has lost its lease may be reading from a database that is no longer the
                    // primary, where a revoked session is still active.
                    if verifier.is_fresh() { Ok(principal) } else { Err(AuthError::StaleRevocations) }
                }))
            }
        }
    }
}

impl StoreAuthenticator {
    /// Why an access token is revoked, as far as this process remembers it: the holder of a revoked token must not be
    /// able to cause reads of the store.
    fn explain(&self, principal: &Principal, subject: SubjectKind) -> InvalidReason {
        let session = principal.session_id().filter(|_| subject == SubjectKind::Session);
        match session.and_then(|session| self.cache.end_reason(session)) {
            Some(reason) => InvalidReason::RevokedBecause { subject, reason: reason.phrase() },
            None => InvalidReason::Revoked(subject),
        }
    }
}

impl Authenticator for StoreAuthenticator {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        match presented {
            PresentedCredential::None => AuthFuture::Ready(Err(AuthError::MissingCredential)),
            PresentedCredential::SessionToken(text) => self.authenticate_session(text, now),
            PresentedCredential::AccessToken(token) => {
                let explain = |principal: &Principal, subject| self.explain(principal, subject);
                AuthFuture::Ready(self.verifier.verify_explaining(token, now, explain))
            }
        }
    }
}

/// Checks a session token against the store and puts the session into the cache. The last use is written later, so that
/// sessions stay valid while the store rejects writes.
async fn authenticate_by_store(
    store: &dyn Store,
    (cache, monitor): (&dyn SessionCache, &Arc<dyn CredentialMonitor>),
    presented: &SessionToken,
    now: Time,
) -> Result<Principal, AuthError> {
    let version = cache.version(presented.session());
    let session_context = store.session_context(presented.session()).await.map_err(unavailable)?;
    let mut session_context = session_context.ok_or_else(|| invalid(InvalidCredential::Unknown))?;
    session_context.session.verify_token(presented, now).map_err(invalid)?;
    session_context.check_access().map_err(invalid)?;

    if let Some(next_revision) = session_context.session.touch(now) {
        cache.record_last_seen(next_revision.id, now);
        session_context.session = next_revision;
    }
    let principal = session_principal(&session_context).with_monitor(monitor);
    cache.insert(&session_context.session, principal.clone(), version);
    Ok(principal)
}

/// The principal of a valid session.
fn session_principal(session_context: &SessionContext) -> Principal {
    let session = &session_context.session;
    Principal::from_verified(PrincipalParts {
        session_id: Some(session.id),
        client_id: Some(session.client.clone()),
        position: session.pos,
        token_fingerprint: session.token_fingerprint(),
        scope: session.scope.clone(),
        roles: session_context.user.roles.clone(),
        username: Some(session_context.user.username.as_str().to_owned()),
        amr: session.amr.clone(),
        acr: session.acr.clone(),
        authenticated_at: Some(session.authenticated_at),
        extra: user_claims(&session_context.user),
        ..PrincipalParts::new(CredentialKind::SessionToken, session.user.to_string(), session.ends_at())
    })
}

/// The claims that are not registered: the application's own id, as access tokens have it, and the e-mail address if the user
/// has proved that they own it.
fn user_claims(user: &User) -> Map<String, Value> {
    let external_id = user.external_id.as_ref().map(|id| ("external_id".to_owned(), id.to_json()));
    let email = user.email.as_deref().filter(|_| user.email_verified);
    external_id.into_iter().chain(email.map(|email| ("email".to_owned(), email.into()))).collect()
}

fn invalid(reason: InvalidCredential) -> AuthError {
    AuthError::InvalidCredential(reason.into())
}

fn unavailable(error: StoreError) -> AuthError {
    tracing::error!(%error, "a session could not be read");
    AuthError::Unavailable
}
