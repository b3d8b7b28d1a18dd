//! Who is calling: the one place that judges what a request shows, whatever it carries.

use std::sync::Arc;

use counterfoil_jose::Time;
use counterfoil_verify::{
    Authenticate, Carrier, Decision, Denied, LocalVerifier, Presented, Principal, PrincipalParts, Reason,
};

use crate::client_error::InvalidCredential;
use crate::credentials::session_token::SessionToken;
use crate::store::session_cache::{CacheLookup, SessionCache};
use crate::store::{SessionContext, Store, StoreError};

/// Judges session tokens against the record, from memory where that is exact, and access tokens by their
/// signature and the revocations.
pub struct Authenticator {
    store: Arc<dyn Store>,
    memory: Arc<SessionCache>,
    verifier: Arc<LocalVerifier>,
}

impl Authenticator {
    /// Judges by `store`, by the `memory` that watches it, and by a `verifier` of our own tokens.
    pub fn new(store: Arc<dyn Store>, memory: Arc<SessionCache>, verifier: Arc<LocalVerifier>) -> Self {
        Self { store, memory, verifier }
    }

    fn session(&self, text: &str, now: Time) -> Decision {
        let Ok(shown) = text.parse::<SessionToken>() else {
            return Decision::Ready(Err(refused(InvalidCredential::Malformed)));
        };
        match self.memory.find(&shown, now) {
            CacheLookup::Live(principal) => Decision::Ready(Ok(principal)),
            CacheLookup::Invalid(reason) => Decision::Ready(Err(refused(reason))),
            CacheLookup::Unknown => {
                let (store, memory) = (self.store.clone(), self.memory.clone());
                Decision::Later(Box::pin(async move { ask(&*store, &memory, &shown, now).await }))
            }
        }
    }
}

impl Authenticate for Authenticator {
    fn authenticate(&self, presented: Presented<'_>, now: Time) -> Decision {
        match presented {
            Presented::None => Decision::Ready(Err(Denied::Missing)),
            Presented::Session(text) => self.session(text, now),
            Presented::Access(_) => self.verifier.authenticate(presented, now),
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
) -> Result<Principal, Denied> {
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
    Principal::verified(PrincipalParts {
        session: Some(session.id),
        client: Some(session.client.clone()),
        position: session.pos,
        scope: session.scope.clone(),
        roles: standing.user.roles.clone(),
        amr: session.amr.clone(),
        authenticated_at: Some(session.authenticated_at),
        ..PrincipalParts::new(Carrier::SessionToken, session.user.to_string(), session.ends_at())
    })
}

fn refused(reason: InvalidCredential) -> Denied {
    Denied::Invalid(Reason::Record(code(reason)))
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

fn unavailable(error: StoreError) -> Denied {
    tracing::error!(%error, "a session could not be read");
    Denied::Unavailable
}
