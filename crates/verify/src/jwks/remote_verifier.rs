//! A verifier for the tokens of an issuer that runs elsewhere: it fetches the keys that it needs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::{KeySet, Time};

use crate::auth_error::AuthError;
use crate::authenticator::{AuthFuture, Authenticator, Clock};
use crate::credential::PresentedCredential;
use crate::jwks::error::RemoteVerifierError;
use crate::jwks::fetch::JwksClient;
use crate::jwks::options::JwksOptions;
use crate::jwks::refresh_policy::{RefreshAdvice, RefreshRequest};
use crate::jwks::refresher::JwksRefresher;
use crate::jwks::status::JwksStatus;
use crate::local_verifier::LocalVerifier;
use crate::principal::Principal;
use crate::revocation::Revocations;
use crate::token::builder::TokenVerifierBuilder;
use crate::token::verifier::TokenVerifier;

/// How often one request waits for a fetch. The first fetch may have started before the key was published.
const MAX_WAITS: usize = 2;

/// Authenticates by the access tokens of an issuer that runs elsewhere, with keys that it fetches itself.
///
/// ```no_run
/// use counterfoil_jose::Algorithm;
/// use counterfoil_verify::{JwksOptions, RemoteVerifier, TokenVerifier};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256]);
/// let verifier = RemoteVerifier::start(tokens, JwksOptions::from_discovery())?;
///
/// let principal = verifier.verify("eyJ…").await?;
/// # Ok(())
/// # }
/// ```
///
/// It receives no revocations: a revoked token is accepted here until it expires.
#[derive(Clone)]
pub struct RemoteVerifier {
    local: LocalVerifier,
    refresher: JwksRefresher,
    clock: Arc<dyn Clock>,
    wait_timeout: Duration,
}

impl RemoteVerifier {
    /// Starts fetching the keys of the issuer of `tokens`, on the caller's tokio runtime. It returns at once;
    /// until the first keys are fetched, requests wait for them.
    ///
    /// # Errors
    ///
    /// The settings could never work, whatever the issuer answers.
    pub fn start(tokens: TokenVerifierBuilder, options: JwksOptions) -> Result<Self, RemoteVerifierError> {
        let client = JwksClient::new(&tokens, &options)?;
        let tokens: Arc<TokenVerifier> = Arc::new(tokens.build(KeySet::default())?);
        let refresher = JwksRefresher::start(Arc::clone(&tokens), client, &options)?;
        let JwksOptions { clock, timeout: wait_timeout, .. } = options;
        let local_clock = Arc::clone(&clock);
        let local = LocalVerifier::new(tokens, Arc::new(Revocations::new()), move || local_clock.now())
            .with_expiry_clock(Arc::clone(&clock));
        Ok(Self { local, refresher, clock, wait_timeout })
    }

    /// Verifies a token now; waits for keys if necessary.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidCredential`] if the token is invalid; [`AuthError::Unavailable`] if the issuer's
    /// keys are not known.
    pub async fn verify(&self, token: &str) -> Result<Principal, AuthError> {
        self.authenticate(PresentedCredential::AccessToken(token), self.clock.now()).wait().await
    }

    /// The task that keeps the keys current.
    pub const fn refresher(&self) -> &JwksRefresher {
        &self.refresher
    }

    /// Waits until the first fetch has completed and returns the status, so that a service can fail at start.
    pub async fn wait_for_first_fetch(&self) -> JwksStatus {
        self.refresher.wait_for_first_fetch().await
    }

    /// The clock of this verifier, for an `AuthLayer`.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// A layer that authenticates requests by access tokens only.
    #[cfg(feature = "tower")]
    pub fn layer(&self) -> crate::AuthLayer {
        crate::AuthLayer::new(Arc::new(self.clone()), self.clock())
            .with_accepted_credentials(crate::AcceptedCredentials::ACCESS_TOKEN)
    }

    fn verify_with_current_keys(&self, token: &str, now: Time) -> Result<Principal, AuthError> {
        if self.refresher.has_valid_keys(now) {
            self.local.verify(token, now)
        } else {
            Err(AuthError::Unavailable)
        }
    }

    /// Requests a fetch if other keys could change the result.
    fn look_up_keys(&self, result: &Result<Principal, AuthError>, now: Time) -> KeyLookup {
        let request = match result {
            Err(AuthError::Unavailable) => RefreshRequest::NoKeys,
            Err(error) if error.is_unknown_key() => RefreshRequest::UnknownKey,
            Ok(_) | Err(_) => return KeyLookup::Done,
        };
        match self.refresher.request_refresh(request, now) {
            RefreshAdvice::WaitForFetch(fetches) => KeyLookup::WaitForFetch(fetches),
            RefreshAdvice::UseCurrentKeys => KeyLookup::Done,
            RefreshAdvice::Unavailable => KeyLookup::Unavailable,
        }
    }

    /// Waits for keys and verifies again, within the timeout of a request.
    async fn verify_after_fetch(self, token: String, fetches: u64) -> Result<Principal, AuthError> {
        let Some(_permit) = self.refresher.try_wait_permit() else { return Err(AuthError::Unavailable) };
        let result = timeout(self.wait_timeout, self.retry_after_fetches(&token, fetches)).await;
        result.unwrap_or(Err(AuthError::Unavailable))
    }

    async fn retry_after_fetches(&self, token: &str, mut fetches: u64) -> Result<Principal, AuthError> {
        for _ in 1..MAX_WAITS {
            self.refresher.wait_for_fetches(fetches).await;
            let now = self.clock.now();
            let result = self.verify_with_current_keys(token, now);
            fetches = match self.look_up_keys(&result, now) {
                KeyLookup::Done => return result,
                KeyLookup::Unavailable => return Err(AuthError::Unavailable),
                KeyLookup::WaitForFetch(fetches) => fetches,
            };
        }
        self.refresher.wait_for_fetches(fetches).await;
        match self.verify_with_current_keys(token, self.clock.now()) {
            Err(error) if error.is_unknown_key() && self.refresher.is_failing() => {
                Err(AuthError::Unavailable)
            }
            result => result,
        }
    }
}

/// Whether the result of a verification is final.
enum KeyLookup {
    /// The result is final.
    Done,
    /// The result is unknown, because the issuer cannot be reached.
    Unavailable,
    /// This many fetches must complete first.
    WaitForFetch(u64),
}

impl Authenticator for RemoteVerifier {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        let PresentedCredential::AccessToken(token) = presented else {
            return self.local.authenticate(presented, now);
        };
        let result = self.verify_with_current_keys(token, now);
        match self.look_up_keys(&result, now) {
            KeyLookup::Done => AuthFuture::Ready(result),
            KeyLookup::Unavailable => AuthFuture::Ready(Err(AuthError::Unavailable)),
            KeyLookup::WaitForFetch(fetches) => {
                AuthFuture::Pending(Box::pin(self.clone().verify_after_fetch(token.to_owned(), fetches)))
            }
        }
    }
}

impl fmt::Debug for RemoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteVerifier")
            .field("tokens", self.local.token_verifier())
            .field("refresher", &self.refresher)
            .finish_non_exhaustive()
    }
}
