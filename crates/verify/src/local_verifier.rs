//! A whole judgement of an access token where it is used: signature, claims, revocations, freshness.

use std::fmt;
use std::sync::Arc;

use counterfoil_jose::Time;

use crate::auth_error::{Denied, Reason};
use crate::authenticator::{Authenticate, Decision, Now};
use crate::credential::Presented;
use crate::principal::Principal;
use crate::revocation::Revocations;
use crate::token::verifier::TokenVerifier;

/// Authenticates by access tokens, for a resource server that has no issuer in its process.
///
/// ```
/// use std::sync::Arc;
///
/// use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time};
/// use counterfoil_verify::{Denied, LocalVerifier, Revocations, TokenVerifier};
///
/// # let key = SigningKey::generate(Algorithm::Es256)?;
/// # let keys = KeySet::new([key.verifying_key()])?;
/// let tokens = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256])
///     .build(keys)?;
/// let now = || Time::from_unix_seconds(1_764_000_000);
/// let verifier = LocalVerifier::new(tokens, Arc::new(Revocations::new()), now);
///
/// assert!(matches!(verifier.admit("eyJ…", now()), Err(Denied::Invalid(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LocalVerifier {
    tokens: Arc<TokenVerifier>,
    revocations: Arc<Revocations>,
    clock: Arc<dyn Now>,
}

impl LocalVerifier {
    /// Judges by `tokens`, then by `revocations`. The clock is read where their freshness has an
    /// end, after they were asked; everything else is judged at the time of the request.
    pub fn new(
        tokens: impl Into<Arc<TokenVerifier>>,
        revocations: Arc<Revocations>,
        clock: impl Now,
    ) -> Self {
        Self { tokens: tokens.into(), revocations, clock: Arc::new(clock) }
    }

    /// Admits the bearer of an access token at `now`.
    ///
    /// # Errors
    ///
    /// [`Denied::Invalid`] whatever is wrong with the token, [`Denied::Stale`] where the revocations
    /// are too old to accept it by.
    pub fn admit(&self, token: &str, now: Time) -> Result<Principal, Denied> {
        let principal = self.tokens.verify(token, now)?;
        let probed = self.revocations.probe_with(|| principal.probe());
        if let Some(revoked) = probed.revoked {
            return Err(Reason::Revoked(revoked).into());
        }
        if !probed.freshness.holds(|| self.clock.now()) {
            return Err(Denied::Stale);
        }
        Ok(principal)
    }

    /// What judges the tokens, to give it new keys.
    pub fn tokens(&self) -> &Arc<TokenVerifier> {
        &self.tokens
    }

    /// What is revoked, to publish into.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }
}

impl Authenticate for LocalVerifier {
    fn authenticate(&self, presented: Presented<'_>, now: Time) -> Decision {
        Decision::Ready(match presented {
            Presented::None => Err(Denied::Missing),
            // A session token can be judged by the record that its issuer keeps, nowhere else.
            Presented::Session(_) => Err(Reason::Kind.into()),
            Presented::Access(token) => self.admit(token, now),
        })
    }
}

impl fmt::Debug for LocalVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalVerifier")
            .field("tokens", &self.tokens)
            .field("revocations", &self.revocations)
            .finish_non_exhaustive()
    }
}
