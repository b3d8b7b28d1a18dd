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
    memory: Arc<SessionCache>,
    verifier: Arc<LocalVerifier>,
}

impl StoreAuthenticator {
    /// Judges by `store`, by the `memory` that watches it, and by a `verifier` of our own tokens.
    pub fn new(store: Arc<dyn Store>, memory: Arc<SessionCache>, verifier: Arc<LocalVerifier>) -> Self {
        Self { store, memory, verifier }
    }

    fn session(&self, text: &str, now: Time) -> AuthFuture {
        let Ok(shown) = text.parse::<SessionToken>() else {
            return AuthFuture::Ready(Err(refused(InvalidCredential::Malformed)));
        };
        match self.memory.find(&shown, now) {
            CacheLookup::Live(principal) => AuthFuture::Ready(Ok(principal)),
            CacheLookup::Invalid(reason) => AuthFuture::Ready(Err(refused(reason))),
            CacheLookup::Unknown => {
                let (store, memory) = (self.store.clone(), self.memory.clone());
                AuthFuture::Pending(Box::pin(async move { ask(&*store, &memory, &shown, now).await }))
            }
        }
    }
}

impl Authenticator for StoreAuthenticator {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        match presented {
            PresentedCredential::None => AuthFuture::Ready(Err(AuthError::MissingCredential)),
            PresentedCredential::SessionToken(text) => self.session(text, now),
            PresentedCredential::AccessToken(_) => self.verifier.authenticate(presented, now),
        }
    }
}

/// Judges by the store, and remembers what was found. That the session was used is written down later: a store
/// that takes no writes shuts nobody out who is in.
async fn ask(
    store: &dyn Store,
    memory: &SessionCache,
    shown: &SessionToken,
    now: Time,
) -> Result<Principal, AuthError> {
    let note = memory.note(shown.session());
    let standing = store.standing(shown.session()).await.map_err(unavailable)?;
    let mut standing = standing.ok_or_else(|| refused(InvalidCredential::Unknown))?;
    standing.session.admit(shown, now).map_err(refused)?;
    standing.holds().map_err(refused)?;

    if let Some(touched) = standing.session.touch(now) {
        memory.note_use(touched.id, now);
        standing.session = touched;
    }
    let principal = principal_of(&standing);
    memory.remember(&standing.session, principal.clone(), note);
    Ok(principal)
}

/// The principal of a session that was judged good.
fn principal_of(standing: &SessionContext) -> Principal {
    let session = &standing.session;
    Principal::from_verified(PrincipalParts {
        session_id: Some(session.id),
        client_id: Some(session.client.clone()),
        position: session.pos,
        scope: session.scope.clone(),
        roles: standing.user.roles.clone(),
        amr: session.amr.clone(),
        authenticated_at: Some(session.authenticated_at),
        ..PrincipalParts::new(CredentialKind::SessionToken, session.user.to_string(), session.ends_at())
    })
}

fn refused(reason: InvalidCredential) -> AuthError {
    AuthError::InvalidCredential(InvalidReason::SessionRejected(code(reason)))
}

/// For the log alone; the client learns that the credential is not good.
const fn code(reason: InvalidCredential) -> &'static str {
    match reason {
        InvalidCredential::Malformed => "malformed",
        InvalidCredential::Unknown => "unknown",
        InvalidCredential::AheadOfStore => "ahead",
        InvalidCredential::Ended => "ended",
        InvalidCredential::Expired => "expired",
        InvalidCredential::RevokedByCutoff => "marked",
        InvalidCredential::Disabled => "disabled",
        InvalidCredential::RefreshReuseDetected => "replayed",
        InvalidCredential::WrongKind => "other_kind",
    }
}

fn unavailable(error: StoreError) -> AuthError {
    tracing::error!(%error, "a session could not be read");
    AuthError::Unavailable
}
