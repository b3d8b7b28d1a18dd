//! A verifier for the tokens of an issuer that runs elsewhere: it fetches the keys that it needs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::Time;

use crate::auth_error::{AuthError, InvalidReason};
use crate::authenticator::{AuthFuture, Authenticator, Clock};
use crate::credential::PresentedCredential;
use crate::feed::freshness::FeedFreshness;
use crate::feed::task::FeedTask;
use crate::introspection::{Introspection, IntrospectionClient};
use crate::jwks::refresh_policy::{RefreshAdvice, RefreshRequest};
use crate::jwks::refresher::JwksRefresher;
use crate::jwks::status::JwksStatus;
use crate::local_verifier::LocalVerifier;
use crate::principal::Principal;
use crate::revocation::freshness::AcceptedViews;
use crate::stale_policy::StalePolicy;

/// How often one request waits for a fetch. The first fetch may have started before the key was published.
const MAX_WAITS: usize = 2;

/// Authenticates by the access tokens of an issuer that runs elsewhere, with keys that it fetches itself.
///
/// ```no_run
/// use counterfoil_verify::{Algorithm, JwksOptions, RemoteVerifier, TokenVerifier};
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
/// Without a verifier key it receives no revocations: a revoked token is accepted here until it expires. With one
/// ([`RemoteVerifier::builder`]) it follows the revocation feed, and refuses a token within one network hop after it was
/// revoked. A verifier that is cut off refuses every token when its lease ends, three seconds by default; see [`StalePolicy`].
#[derive(Clone)]
pub struct RemoteVerifier {
    pub(crate) local: LocalVerifier,
    pub(crate) refresher: JwksRefresher,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) wait_timeout: Duration,
    pub(crate) feed: Option<Arc<FollowedFeed>>,
}

/// The revocation feed that a verifier follows.
pub(crate) struct FollowedFeed {
    pub(crate) task: FeedTask,
    pub(crate) introspection: IntrospectionClient,
    pub(crate) policy: StalePolicy,
    /// For how long after the end of its lease the issuer counts on this verifier.
    pub(crate) max_stale: Duration,
}

impl RemoteVerifier {
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

    /// What is known of the revocations and how new that is; `None` without a verifier key.
    pub fn freshness(&self) -> Option<FeedFreshness> {
        self.feed.as_ref().map(|feed| feed.task.freshness())
    }

    /// Waits until the revocations are up to date; returns at once without a verifier key.
    pub async fn wait_until_fresh(&self) {
        if let Some(feed) = &self.feed {
            feed.task.wait_until_fresh().await;
        }
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
    async fn verify_after_fetch(
        self,
        token: String,
        fetches: u64,
        policy: StalePolicy,
    ) -> Result<Principal, AuthError> {
        let result = {
            let Some(_permit) = self.refresher.try_wait_permit() else { return Err(AuthError::Unavailable) };
            let result = timeout(self.wait_timeout, self.retry_after_fetches(&token, fetches)).await;
            result.unwrap_or(Err(AuthError::Unavailable))
        };
        self.apply_policy(result, &token, self.clock.now(), policy).wait().await
    }

    /// What becomes of a result that depends on revocations that are stale.
    fn apply_policy(
        &self,
        result: Result<Principal, AuthError>,
        token: &str,
        now: Time,
        policy: StalePolicy,
    ) -> AuthFuture {
        let (Err(AuthError::StaleRevocations), Some(feed)) = (&result, &self.feed) else {
            return AuthFuture::Ready(result);
        };
        match policy {
            StalePolicy::Introspect => {
                AuthFuture::Pending(Box::pin(self.clone().introspect(Arc::clone(feed), token.to_owned())))
            }
            StalePolicy::Deny | StalePolicy::DangerAcceptStale(_) if feed.task.is_starting() => {
                let verifier = self.clone();
                AuthFuture::Pending(Box::pin(verifier.verify_when_started(
                    Arc::clone(feed),
                    token.to_owned(),
                    policy,
                )))
            }
            StalePolicy::Deny => AuthFuture::Ready(result),
            StalePolicy::DangerAcceptStale(_) => {
                AuthFuture::Ready(self.verify_by(feed.accepted_views(policy), token, now))
            }
        }
    }

    /// Waits for the first poll, within the timeout of a request: the verifier has just started.
    async fn verify_when_started(
        self,
        feed: Arc<FollowedFeed>,
        token: String,
        policy: StalePolicy,
    ) -> Result<Principal, AuthError> {
        let Some(_permit) = self.refresher.try_wait_permit() else { return Err(AuthError::StaleRevocations) };
        let _ = timeout(self.wait_timeout, feed.task.wait_until_started()).await;
        self.verify_by(feed.accepted_views(policy), &token, self.clock.now())
    }

    /// Asks the issuer about a token that is valid by all that is known here.
    async fn introspect(self, feed: Arc<FollowedFeed>, token: String) -> Result<Principal, AuthError> {
        let answer = feed.introspection.introspect(&token).await.map_err(|error| {
            let issuer = self.local.token_verifier().issuer();
            tracing::debug!(%error, issuer, "the issuer cannot be asked about a token");
            AuthError::StaleRevocations
        })?;
        let Introspection::Active { subject } = answer else {
            let (code, message) = ("inactive", "the issuer says that the token is not active");
            return Err(InvalidReason::RecordRejected { code, message }.into());
        };
        // A revocation that has arrived meanwhile counts too.
        let principal = self.verify_by(AcceptedViews::Any, &token, self.clock.now())?;
        if principal.subject() == subject { Ok(principal) } else { Err(AuthError::Unavailable) }
    }

    fn verify_by(&self, accepted: AcceptedViews, token: &str, now: Time) -> Result<Principal, AuthError> {
        if !self.refresher.has_valid_keys(now) {
            return Err(AuthError::Unavailable);
        }
        self.local.verify_by(accepted, token, now, |_, revoked| InvalidReason::Revoked(revoked))
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

impl FollowedFeed {
    /// Which views a policy accepts without asking the issuer, which counts on `max_stale`.
    fn accepted_views(&self, policy: StalePolicy) -> AcceptedViews {
        match policy {
            StalePolicy::DangerAcceptStale(bound) => AcceptedViews::StaleFor(bound.min(self.max_stale)),
            StalePolicy::Deny | StalePolicy::Introspect => AcceptedViews::Fresh,
        }
    }
}

impl Authenticator for RemoteVerifier {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        let policy = self.feed.as_ref().map_or(StalePolicy::Deny, |feed| feed.policy);
        self.authenticate_with_policy(presented, now, policy)
    }

    fn authenticate_with_policy(
        &self,
        presented: PresentedCredential<'_>,
        now: Time,
        policy: StalePolicy,
    ) -> AuthFuture {
        let PresentedCredential::AccessToken(token) = presented else {
            return self.local.authenticate(presented, now);
        };
        let result = self.verify_with_current_keys(token, now);
        match self.look_up_keys(&result, now) {
            KeyLookup::Done => self.apply_policy(result, token, now, policy),
            KeyLookup::Unavailable => AuthFuture::Ready(Err(AuthError::Unavailable)),
            KeyLookup::WaitForFetch(fetches) => {
                let verifier = self.clone();
                AuthFuture::Pending(Box::pin(verifier.verify_after_fetch(token.to_owned(), fetches, policy)))
            }
        }
    }
}

impl fmt::Debug for RemoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteVerifier")
            .field("tokens", self.local.token_verifier())
            .field("refresher", &self.refresher)
            .field("feed", &self.feed.as_ref().map(|feed| &feed.task))
            .finish_non_exhaustive()
    }
}
