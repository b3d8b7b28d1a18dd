//! Who is calling: the one place that judges what a request shows, whatever it carries.

use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_verify::{
    AuthError, AuthFuture, Authenticator, CredentialKind, InvalidReason, LocalVerifier, PresentedCredential,
    Principal, PrincipalParts,
};

use crate::client_error::InvalidCredential;
use crate::credentials::session_token::SessionToken;
use crate::store::session_cache::{CacheLookup, SessionCache};
use crate::store::{SessionContext, Store, StoreError};

/// Judges session tokens against the record, from memory where that is exact, and access tokens by their
/// signature and the revocations.
pub struct StoreAuthenticator {
    store: Arc<dyn Store>,
    cache: Arc<SessionCache>,
    verifier: Arc<LocalVerifier>,
}

impl Authenticator {
    /// Judges by `store`, by the `cache` that watches it, and by a `verifier` of our own tokens.
    pub fn new(store: Arc<dyn Store>, cache: Arc<SessionCache>, verifier: Arc<LocalVerifier>) -> Self {
        Self { store, cache, verifier }
    }

    fn authenticate_session(&self, text: &str, now: Time) -> Decision {
        let Ok(presented) = text.parse::<SessionToken>() else {
            return Decision::Ready(Err(invalid(InvalidCredential::Malformed)));
        };
        match self.cache.lookup(&presented, now) {
            CacheLookup::Hit(principal) => Decision::Ready(Ok(principal)),
            CacheLookup::Invalid(reason) => Decision::Ready(Err(invalid(reason))),
            CacheLookup::Miss => {
                let (store, cache) = (self.store.clone(), self.cache.clone());
                Decision::Later(Box::pin(async move {
                    authenticate_by_store(&*store, &cache, &presented, now).await
                }))
            }
        }
    }
}

impl Authenticator for StoreAuthenticator {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        match presented {
            Presented::None => Decision::Ready(Err(Denied::Missing)),
            Presented::Session(text) => self.authenticate_session(text, now),
            Presented::Access(_) => self.verifier.authenticate(presented, now),
        }
    }
}

/// Judges by the store, and remembers what was found. That the session was used is written down later: a store
/// that takes no writes shuts nobody out who is in.
async fn authenticate_by_store(
    store: &dyn Store,
    cache: &SessionCache,
    presented: &SessionToken,
    now: Time,
) -> Result<Principal, Denied> {
    let version = cache.version(presented.session());
    let session_context = store.session_context(presented.session()).await.map_err(unavailable)?;
    let mut session_context = session_context.ok_or_else(|| invalid(InvalidCredential::Unknown))?;
    session_context.session.verify_token(presented, now).map_err(invalid)?;
    session_context.check_access().map_err(invalid)?;

    if let Some(next_revision) = session_context.session.touch(now) {
        cache.record_last_seen(next_revision.id, now);
        session_context.session = next_revision;
    }
    let principal = session_principal(&session_context);
    cache.insert(&session_context.session, principal.clone(), version);
    Ok(principal)
}

/// The principal of a session that was judged good.
fn session_principal(session_context: &SessionContext) -> Principal {
    let session = &session_context.session;
    Principal::verified(PrincipalParts {
        session: Some(session.id),
        client: Some(session.client.clone()),
        position: session.pos,
        scope: session.scope.clone(),
        roles: session_context.user.roles.clone(),
        amr: session.amr.clone(),
        authenticated_at: Some(session.authenticated_at),
        ..PrincipalParts::new(CredentialKind::SessionToken, session.user.to_string(), session.ends_at())
    })
}

fn invalid(reason: InvalidCredential) -> Denied {
    Denied::Invalid(Reason::Record(code(reason)))
}

/// For the log alone; the client learns that the credential is not good.
const fn code(reason: InvalidCredential) -> &'static str {
    match reason {
        InvalidCredential::Malformed => "malformed",
        InvalidCredential::Unknown => "unknown",
        InvalidCredential::AheadOfStore => "ahead_of_store",
        InvalidCredential::Ended => "ended",
        InvalidCredential::Expired => "expired",
        InvalidCredential::RevokedByCutoff => "revoked_by_cutoff",
        InvalidCredential::Disabled => "disabled",
        InvalidCredential::RefreshReuseDetected => "refresh_reuse_detected",
        InvalidCredential::WrongKind => "wrong_kind",
    }
}

fn unavailable(error: StoreError) -> AuthError {
    tracing::error!(%error, "a session could not be read");
    AuthError::Unavailable
}
