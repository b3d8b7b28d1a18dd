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
use crate::model::session::Session;
use crate::services::session_monitor::SessionMonitor;
use crate::store::session_cache::shared::{CachedSession, CachedUser, SharedSessions};
use crate::store::session_cache::{CacheLookup, CacheVersion, SessionCache};
use crate::store::{Store, StoreError};

/// Checks session tokens against the session record, from the cache where it is exact, and access tokens by their
/// signature and the revocations.
pub struct StoreAuthenticator {
    store: Arc<dyn Store>,
    cache: Arc<dyn SessionCache>,
    shared_cache: Option<Arc<SharedSessions>>,
    verifier: Arc<LocalVerifier>,
    monitor: Arc<dyn CredentialMonitor>,
}

impl StoreAuthenticator {
    /// Creates an authenticator. `cache` must listen to the commits of `store`; `verifier` verifies the access tokens of
    /// this issuer.
    pub fn new(store: Arc<dyn Store>, cache: Arc<impl SessionCache>, verifier: Arc<LocalVerifier>) -> Self {
        let cache: Arc<dyn SessionCache> = cache;
        let monitor = Arc::new(SessionMonitor::new(&store, &cache, &verifier));
        Self { store, cache, shared_cache: None, verifier, monitor }
    }

    /// Asks a shared cache for what is not in memory before it asks the store. The shared cache must hear of the commits of the
    /// store before the cache in memory does.
    #[must_use]
    pub fn with_shared_cache(self, shared_cache: Option<Arc<SharedSessions>>) -> Self {
        Self { shared_cache, ..self }
    }

    fn authenticate_session(&self, text: &str, now: Time) -> AuthFuture {
        let Ok(presented) = text.parse::<SessionToken>() else {
            return AuthFuture::Ready(Err(invalid(InvalidCredential::Malformed)));
        };
        match self.cache.lookup(&presented, now) {
            CacheLookup::Hit(principal) => AuthFuture::Ready(Ok(principal)),
            CacheLookup::Invalid(reason) => AuthFuture::Ready(Err(invalid(reason))),
            CacheLookup::Miss => {
                let lookup = SessionLookup {
                    store: self.store.clone(),
                    cache: self.cache.clone(),
                    shared_cache: self.shared_cache.clone(),
                    monitor: self.monitor.clone(),
                    verifier: self.verifier.clone(),
                };
                AuthFuture::Pending(Box::pin(async move {
                    let principal = lookup.authenticate(&presented, now).await?;
                    // One of several processes that has lost its lease may be reading from a database that is no longer the
                    // primary, where a revoked session is still active.
                    if lookup.verifier.is_fresh() { Ok(principal) } else { Err(AuthError::StaleRevocations) }
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

/// Where a session is looked up that is not in memory.
struct SessionLookup {
    store: Arc<dyn Store>,
    cache: Arc<dyn SessionCache>,
    shared_cache: Option<Arc<SharedSessions>>,
    monitor: Arc<dyn CredentialMonitor>,
    verifier: Arc<LocalVerifier>,
}

impl SessionLookup {
    /// Checks a session token against the shared cache or the store, and puts the session into memory. The last use is written
    /// later, so that sessions stay valid while the store rejects writes.
    async fn authenticate(&self, presented: &SessionToken, now: Time) -> Result<Principal, AuthError> {
        // Before either is asked: what changes from here on is not put into memory.
        let version = self.cache.version(presented.session());
        let CachedSession { session, user, .. } = match self.find_shared(presented, now).await {
            Some(found) => found,
            None => self.read(presented, now).await?,
        };
        Ok(use_session(&*self.cache, &self.monitor, (session, user), version, now))
    }

    async fn find_shared(&self, presented: &SessionToken, now: Time) -> Option<CachedSession> {
        self.shared_cache.as_ref()?.find(presented, now).await
    }

    async fn read(&self, presented: &SessionToken, now: Time) -> Result<CachedSession, AuthError> {
        let context = self.store.session_context(presented.session()).await.map_err(unavailable)?;
        let context = context.ok_or_else(|| invalid(InvalidCredential::Unknown))?;
        context.session.verify_token(presented, now).map_err(invalid)?;
        context.check_access().map_err(invalid)?;
        let session =
            CachedSession::new(context, now).ok_or_else(|| invalid(InvalidCredential::WrongKind))?;
        // What was read without a lease may be older than the time says.
        if let Some(shared_cache) = self.shared_cache.as_ref().filter(|_| self.verifier.is_fresh()) {
            shared_cache.insert(&session);
        }
        Ok(session)
    }
}

/// The principal of a valid session that was read after `version`. Records its use, and puts it into memory.
pub(super) fn use_session(
    cache: &dyn SessionCache,
    monitor: &Arc<dyn CredentialMonitor>,
    (mut session, user): (Session, CachedUser),
    version: CacheVersion,
    now: Time,
) -> Principal {
    if let Some(next_revision) = session.touch(now) {
        cache.record_last_seen(next_revision.id, now);
        session = next_revision;
    }
    let principal = session_principal(&session, user).with_monitor(monitor);
    cache.insert(&session, principal.clone(), version);
    principal
}

/// The principal of a valid session.
fn session_principal(session: &Session, user: CachedUser) -> Principal {
    Principal::from_verified(PrincipalParts {
        session_id: Some(session.id),
        client_id: Some(session.client.clone()),
        position: session.pos,
        token_fingerprint: session.token_fingerprint(),
        scope: session.scope.clone(),
        extra: user_claims(&user),
        roles: user.roles,
        username: Some(user.username),
        amr: session.amr.clone(),
        acr: session.acr.clone(),
        authenticated_at: Some(session.authenticated_at),
        ..PrincipalParts::new(CredentialKind::SessionToken, session.user.to_string(), session.ends_at())
    })
}

/// The claims that are not registered: the application's own id, as access tokens have it, and the e-mail address if the user
/// has proved that they own it.
fn user_claims(user: &CachedUser) -> Map<String, Value> {
    let external_id = user.external_id.as_ref().map(|id| ("external_id".to_owned(), id.to_json()));
    let email = user.verified_email.as_deref().map(|email| ("email".to_owned(), email.into()));
    external_id.into_iter().chain(email).collect()
}

fn invalid(reason: InvalidCredential) -> AuthError {
    AuthError::InvalidCredential(reason.into())
}

fn unavailable(error: StoreError) -> AuthError {
    tracing::error!(%error, "a session could not be read");
    AuthError::Unavailable
}
