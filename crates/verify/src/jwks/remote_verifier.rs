//! A verifier whose issuer runs elsewhere: it fetches the keys that it needs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::{KeySet, Time};

use crate::auth_error::Denied;
use crate::authenticator::{Authenticate, Decision, Now};
use crate::credential::Presented;
use crate::jwks::error::FollowError;
use crate::jwks::fetch::Fetcher;
use crate::jwks::options::Follow;
use crate::jwks::refresh_policy::{Advice, Want};
use crate::jwks::refresher::JwksFollower;
use crate::jwks::status::FollowerStatus;
use crate::local_verifier::LocalVerifier;
use crate::principal::Principal;
use crate::revocation::Revocations;
use crate::token::builder::TokenVerifierBuilder;
use crate::token::verifier::TokenVerifier;

/// How often one request waits for keys. The first fetch may have begun before its key was published.
const ROUNDS: usize = 2;

/// Authenticates by the access tokens of an issuer that runs elsewhere, with keys that it fetches itself.
///
/// ```no_run
/// use counterfoil_jose::Algorithm;
/// use counterfoil_verify::{Follow, RemoteVerifier, TokenVerifier};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256]);
/// let verifier = RemoteVerifier::start(tokens, Follow::discover())?;
///
/// let principal = verifier.verify("eyJ…").await?;
/// # Ok(())
/// # }
/// ```
///
/// It knows the keys and no revocations: a token that was revoked is good here until it expires.
#[derive(Clone)]
pub struct RemoteVerifier {
    local: LocalVerifier,
    follower: JwksFollower,
    clock: Arc<dyn Now>,
    patience: Duration,
}

impl RemoteVerifier {
    /// Begins to follow the keys of the issuer that `tokens` names, on the tokio runtime of the caller. It
    /// returns at once; until the first keys are there, requests wait for them.
    ///
    /// # Errors
    ///
    /// What could never work, whatever the issuer answers.
    pub fn start(tokens: TokenVerifierBuilder, follow: Follow) -> Result<Self, FollowError> {
        let fetcher = Fetcher::new(&tokens, &follow)?;
        let tokens: Arc<TokenVerifier> = Arc::new(tokens.build(KeySet::default())?);
        let follower = JwksFollower::start(Arc::clone(&tokens), fetcher, &follow)?;
        let clock = Arc::clone(&follow.clock);
        let told = Arc::clone(&clock);
        let local = LocalVerifier::new(tokens, Arc::new(Revocations::new()), move || told.now());
        Ok(Self { local, follower, clock, patience: follow.time_limit })
    }

    /// Verifies a token now; waits for keys if it has to.
    ///
    /// # Errors
    ///
    /// [`Denied::Invalid`] whatever is wrong with the token, [`Denied::Unavailable`] where the issuer's keys
    /// are not known.
    pub async fn verify(&self, token: &str) -> Result<Principal, Denied> {
        self.authenticate(Presented::Access(token), self.clock.now()).wait().await
    }

    /// What follows the keys.
    pub const fn follower(&self) -> &JwksFollower {
        &self.follower
    }

    /// Waits until the first fetch has ended, and says how it stands: for a start that is to fail early.
    pub async fn first_fetch(&self) -> FollowerStatus {
        self.follower.first_fetch().await
    }

    /// The clock that it goes by, for an `AuthLayer`.
    pub fn clock(&self) -> Arc<dyn Now> {
        Arc::clone(&self.clock)
    }

    /// The layer that finds out who is calling, by access tokens alone.
    #[cfg(feature = "tower")]
    pub fn layer(&self) -> crate::AuthLayer {
        crate::AuthLayer::new(Arc::new(self.clone()), self.clock()).reads(crate::Reads::ACCESS)
    }

    /// Judges by the keys that are there.
    fn judge(&self, token: &str, now: Time) -> Result<Principal, Denied> {
        if self.follower.has_keys(now) { self.local.admit(token, now) } else { Err(Denied::Unavailable) }
    }

    /// Asks for other keys, where they could change the judgement.
    fn ask(&self, judged: &Result<Principal, Denied>, now: Time) -> Asked {
        let want = match judged {
            Err(Denied::Unavailable) => Want::AnyKeys,
            Err(denied) if denied.is_unknown_key() => Want::UnknownKey,
            Ok(_) | Err(_) => return Asked::Settled,
        };
        match self.follower.want(want, now) {
            Advice::Wait(fetches) => Asked::Wait(fetches),
            Advice::AsTheyAre => Asked::Settled,
            Advice::Unknown => Asked::Unknown,
        }
    }

    /// Waits for keys and judges again, within the time that a request may take.
    async fn judge_later(self, token: String, fetches: u64) -> Result<Principal, Denied> {
        let Some(_place) = self.follower.place() else { return Err(Denied::Unavailable) };
        timeout(self.patience, self.judge_anew(&token, fetches)).await.unwrap_or(Err(Denied::Unavailable))
    }

    async fn judge_anew(&self, token: &str, mut fetches: u64) -> Result<Principal, Denied> {
        for _ in 1..ROUNDS {
            self.follower.wait(fetches).await;
            let now = self.clock.now();
            let judged = self.judge(token, now);
            fetches = match self.ask(&judged, now) {
                Asked::Settled => return judged,
                Asked::Unknown => return Err(Denied::Unavailable),
                Asked::Wait(fetches) => fetches,
            };
        }
        self.follower.wait(fetches).await;
        match self.judge(token, self.clock.now()) {
            Err(denied) if denied.is_unknown_key() && self.follower.is_failing() => Err(Denied::Unavailable),
            judged => judged,
        }
    }
}

/// What became of asking for other keys.
enum Asked {
    /// The judgement stands.
    Settled,
    /// Nobody can tell: the issuer cannot be asked.
    Unknown,
    /// So many fetches have to end first.
    Wait(u64),
}

impl Authenticate for RemoteVerifier {
    fn authenticate(&self, presented: Presented<'_>, now: Time) -> Decision {
        let Presented::Access(token) = presented else { return self.local.authenticate(presented, now) };
        let judged = self.judge(token, now);
        match self.ask(&judged, now) {
            Asked::Settled => Decision::Ready(judged),
            Asked::Unknown => Decision::Ready(Err(Denied::Unavailable)),
            Asked::Wait(fetches) => {
                Decision::Later(Box::pin(self.clone().judge_later(token.to_owned(), fetches)))
            }
        }
    }
}

impl fmt::Debug for RemoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteVerifier")
            .field("tokens", self.local.tokens())
            .field("follower", &self.follower)
            .finish_non_exhaustive()
    }
}
