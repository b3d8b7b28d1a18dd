//! An authenticator with one answer for every request.

use counterfoil_jose::Time;

use crate::auth_error::AuthError;
use crate::authenticator::{AuthFuture, Authenticator};
use crate::credential::PresentedCredential;
use crate::principal::Principal;

/// Authenticates every request as one principal, or refuses every request with one error, whatever credential
/// the request presents.
///
/// ```
/// use counterfoil_verify::testing::FixedAuthenticator;
/// use counterfoil_verify::{AuthError, AuthFuture, Authenticator, PresentedCredential, Time};
///
/// // The issuer cannot be reached: handlers answer 503.
/// let unavailable = FixedAuthenticator::refuse(AuthError::Unavailable);
/// let result = unavailable.authenticate(PresentedCredential::None, Time::EPOCH);
/// assert!(matches!(result, AuthFuture::Ready(Err(AuthError::Unavailable))));
/// ```
#[derive(Debug, Clone)]
pub struct FixedAuthenticator(Result<Principal, AuthError>);

impl FixedAuthenticator {
    /// Authenticates every request as `principal`, also after it has expired.
    pub const fn new(principal: Principal) -> Self {
        Self(Ok(principal))
    }

    /// Refuses every request with `error`.
    pub const fn refuse(error: AuthError) -> Self {
        Self(Err(error))
    }

    /// A layer with this authenticator, in the place of a verifier's layer.
    #[cfg(feature = "tower")]
    pub fn layer(self) -> crate::AuthLayer {
        // The authenticator does not use the time.
        crate::AuthLayer::new(std::sync::Arc::new(self), std::sync::Arc::new(|| Time::EPOCH))
    }
}

impl Authenticator for FixedAuthenticator {
    fn authenticate(&self, _: PresentedCredential<'_>, _: Time) -> AuthFuture {
        AuthFuture::Ready(self.0.clone())
    }
}
