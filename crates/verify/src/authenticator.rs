//! The interface between HTTP and verification: credential and time in, principal or error out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use counterfoil_jose::Time;

use crate::auth_error::AuthError;
use crate::credential::PresentedCredential;
use crate::principal::Principal;
use crate::stale_policy::StalePolicy;

/// Supplies the current time to the layers. Code below the layers takes the time as an argument.
///
/// Any `Fn() -> Time` is a clock.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
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

/// Authenticates a caller by the credential that the request presents.
///
/// It fails closed: every failure is an `Err`, and a request without a credential is
/// [`AuthError::MissingCredential`].
pub trait Authenticator: Send + Sync + 'static {
    /// Verifies `presented` at `now`; answers at once if no I/O is needed.
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture;

    /// As [`Authenticator::authenticate`], but with `policy` while the revocations are stale. An authenticator whose
    /// revocations are never stale ignores it.
    fn authenticate_with_policy(
        &self,
        presented: PresentedCredential<'_>,
        now: Time,
        policy: StalePolicy,
    ) -> AuthFuture {
        let _ = policy;
        self.authenticate(presented, now)
    }
}

/// An authentication that needs I/O.
pub(crate) type PrincipalFuture = Pin<Box<dyn Future<Output = Result<Principal, AuthError>> + Send>>;

/// The result of an authentication, or a future of it.
///
/// There are two variants so that a result that needs no I/O allocates nothing.
#[must_use]
pub enum AuthFuture {
    /// The result.
    Ready(Result<Principal, AuthError>),
    /// The store or the issuer must be asked. Dropping the future cancels the authentication.
    Pending(PrincipalFuture),
}

impl AuthFuture {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The [`AuthError`] of the authentication.
    pub async fn wait(self) -> Result<Principal, AuthError> {
        match self {
            Self::Ready(result) => result,
            Self::Pending(future) => future.await,
        }
    }
}

impl fmt::Debug for AuthFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending(..)"),
        }
    }
}
