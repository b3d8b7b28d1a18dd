//! The seam between HTTP and judgement: shown a credential and told the time, say who it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use counterfoil_jose::Time;

use crate::auth_error::AuthError;
use crate::credential::PresentedCredential;
use crate::principal::Principal;

/// Tells the time to whoever stands at the edge. Everything further in is told.
///
/// Any `Fn() -> Time` is one.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Time;
}

impl<F> Clock for F
where
    F: Fn() -> Time + Send + Sync + 'static,
{
    fn now(&self) -> Time {
        self()
    }
}

/// Says who it is that shows a credential.
///
/// Unknown is denied: whatever goes wrong is an `Err`, and nothing shown is [`AuthError::MissingCredential`].
pub trait Authenticator: Send + Sync + 'static {
    /// Judges `presented` at `now`, at once where nothing has to be waited for.
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture;
}

/// A judgement, or the promise of one.
///
/// Two variants instead of one future, so that on the warm path nothing is boxed.
#[must_use]
pub enum AuthFuture {
    /// Judged.
    Ready(Result<Principal, AuthError>),
    /// The store or the issuer has to be asked. Dropping the future abandons the question.
    Pending(Pin<Box<dyn Future<Output = Result<Principal, AuthError>> + Send>>),
}

impl AuthFuture {
    /// Waits for the judgement, if it is not there yet.
    pub async fn wait(self) -> Result<Principal, AuthError> {
        match self {
            Self::Ready(judged) => judged,
            Self::Pending(judged) => judged.await,
        }
    }
}

impl fmt::Debug for AuthFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(judged) => f.debug_tuple("Ready").field(judged).finish(),
            Self::Pending(_) => f.write_str("Pending(..)"),
        }
    }
}
