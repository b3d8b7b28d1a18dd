//! Verifies an access token completely without I/O: signature, claims, revocations and their freshness.

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;

use crate::auth_error::{AuthError, InvalidReason};
use crate::authenticator::{AuthFuture, Authenticator, Clock};
use crate::credential::PresentedCredential;
use crate::credential_monitor::{AcceptedUntil, CredentialMonitor, MonitoredCredential};
#[cfg(feature = "http")]
use crate::feed::options::FeedOptions;
use crate::principal::Principal;
use crate::revocation::Revocations;
use crate::revocation::freshness::AcceptedViews;
use crate::revocation::log::SubjectKind;
use crate::token::verifier::TokenVerifier;

/// Authenticates by access tokens, with keys and revocations that the application supplies.
///
/// ```
/// use std::sync::Arc;
///
/// use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time};
/// use counterfoil_verify::{AuthError, LocalVerifier, Revocations, TokenVerifier};
///
/// # let key = SigningKey::generate(Algorithm::Es256)?;
/// # let keys = KeySet::new([key.verifying_key()])?;
/// let tokens = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256])
///     .build(keys)?;
/// let now = || Time::from_unix_seconds(1_764_000_000);
/// let verifier = LocalVerifier::new(tokens, Arc::new(Revocations::new()), now);
///
/// assert!(matches!(verifier.verify("eyJ…", now()), Err(AuthError::InvalidCredential(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LocalVerifier {
    tokens: Arc<TokenVerifier>,
    revocations: Arc<Revocations>,
    clock: Arc<dyn Clock>,
    monitor: Arc<dyn CredentialMonitor>,
}

impl LocalVerifier {
    /// Verifies by `tokens`, then checks `revocations`.
    ///
    /// `clock` is read only to check the freshness of the revocations, after they were looked up, and by
    /// `Principal::ended`. Everything else uses the time that the caller passes.
    pub fn new(
        tokens: impl Into<Arc<TokenVerifier>>,
        revocations: Arc<Revocations>,
        clock: impl Clock,
    ) -> Self {
        let (tokens, clock): (Arc<TokenVerifier>, Arc<dyn Clock>) = (tokens.into(), Arc::new(clock));
        let monitor = AccessTokenMonitor {
            revocations: Arc::clone(&revocations),
            clock: Arc::clone(&clock),
            lease_clock: Arc::clone(&clock),
            leeway: tokens.leeway(),
            accepted_stale: Duration::ZERO,
            max_stale: Duration::MAX,
        };
        Self { tokens, revocations, clock, monitor: Arc::new(monitor) }
    }

    /// Sets how open connections end at a verifier that follows a feed: their tokens expire by `clock`, which is another one
    /// than that of the lease, and stale revocations are used as `options` say.
    #[cfg(feature = "http")]
    pub(crate) fn following_feed(self, clock: Arc<dyn Clock>, options: &FeedOptions) -> Self {
        let monitor = AccessTokenMonitor {
            revocations: Arc::clone(&self.revocations),
            clock,
            lease_clock: Arc::clone(&self.clock),
            leeway: self.tokens.leeway(),
            accepted_stale: options.accepted_stale(),
            max_stale: options.max_stale(),
        };
        Self { monitor: Arc::new(monitor), ..self }
    }

    /// Verifies an access token at `now`.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCredential`] if the token is invalid or revoked; [`AuthError::StaleRevocations`]
    /// if the revocations are out of date.
    pub fn verify(&self, token: &str, now: Time) -> Result<Principal, AuthError> {
        self.verify_explaining(token, now, |_, revoked| InvalidReason::Revoked(revoked))
    }

    /// As [`LocalVerifier::verify`]; `explain` says for the log why an authentic token is revoked. Only for the issuer, which
    /// knows why.
    #[doc(hidden)]
    pub fn verify_explaining(
        &self,
        token: &str,
        now: Time,
        explain: impl FnOnce(&Principal, SubjectKind) -> InvalidReason,
    ) -> Result<Principal, AuthError> {
        self.verify_by(AcceptedViews::Fresh, token, now, explain)
    }

    /// As [`LocalVerifier::verify_explaining`], with the revocations as they are if they are one of `accepted`.
    pub(crate) fn verify_by(
        &self,
        accepted: AcceptedViews,
        token: &str,
        now: Time,
        explain: impl FnOnce(&Principal, SubjectKind) -> InvalidReason,
    ) -> Result<Principal, AuthError> {
        let principal = self.tokens.verify(token, now)?;
        let status = self.revocations.check_with(|| principal.revocation_query());
        if let Some(revoked) = status.revoked {
            return Err(explain(&principal, revoked).into());
        }
        if !status.freshness.is_accepted(accepted, || self.clock.now()) {
            return Err(AuthError::StaleRevocations);
        }
        Ok(principal.with_monitor(&self.monitor))
    }

    /// Whether the revocations are up to date now: what was read before this call may be accepted.
    #[doc(hidden)]
    pub fn is_fresh(&self) -> bool {
        self.revocations.freshness().is_fresh(|| self.clock.now())
    }

    /// The token verifier, for example to set new keys.
    pub fn token_verifier(&self) -> &Arc<TokenVerifier> {
        &self.tokens
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The revocations, for example to publish new entries.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }
}

impl Authenticator for LocalVerifier {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        AuthFuture::Ready(match presented {
            PresentedCredential::None => Err(AuthError::MissingCredential),
            // Only the issuer has the session record that verifies a session token.
            PresentedCredential::SessionToken(_) => Err(InvalidReason::CredentialKindNotAccepted.into()),
            PresentedCredential::AccessToken(token) => self.verify(token, now),
        })
    }
}

/// Access tokens: they end at their expiry, which never moves.
struct AccessTokenMonitor {
    revocations: Arc<Revocations>,
    /// By which the tokens expire.
    clock: Arc<dyn Clock>,
    /// By which the revocations become out of date.
    lease_clock: Arc<dyn Clock>,
    /// How long a token is accepted after its `exp`.
    leeway: Duration,
    accepted_stale: Duration,
    max_stale: Duration,
}

impl CredentialMonitor for AccessTokenMonitor {
    fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn lease_now(&self) -> Time {
        self.lease_clock.now()
    }

    fn accepted_stale(&self) -> Duration {
        self.accepted_stale
    }

    fn max_stale(&self) -> Duration {
        self.max_stale
    }

    fn accepted_until(&self, credential: MonitoredCredential, _: Time) -> AcceptedUntil {
        Box::pin(ready(Ok(credential.expires_at + self.leeway)))
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
