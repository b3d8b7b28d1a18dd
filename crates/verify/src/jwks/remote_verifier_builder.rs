//! Builds a remote verifier: whose tokens, where the keys are, and whether it follows the revocation feed.

use std::sync::Arc;

use tokio::runtime::Handle;

use counterfoil_jose::{KeySet, base64url, random};

use crate::authenticator::Clock;
use crate::clock::issuer_clock::IssuerClock;
use crate::clock::lease_clock::LeaseClock;
use crate::feed::client::FeedClient;
use crate::feed::follower::Follower;
use crate::feed::options::FeedOptions;
use crate::feed::task::{FeedParts, FeedTask};
use crate::feed::wire::FeedInstanceId;
use crate::http_client::client::HttpClient;
use crate::http_client::url::HttpUrl;
use crate::introspection::IntrospectionClient;
use crate::jwks::error::RemoteVerifierError;
use crate::jwks::fetch::JwksClient;
use crate::jwks::options::JwksOptions;
use crate::jwks::refresher::JwksRefresher;
use crate::jwks::remote_verifier::{FollowedFeed, RemoteVerifier};
use crate::local_verifier::LocalVerifier;
use crate::revocation::Revocations;
use crate::revocation::freshness::Freshness;
use crate::token::builder::TokenVerifierBuilder;
use crate::token::verifier::TokenVerifier;

/// Builds a [`RemoteVerifier`].
///
/// ```no_run
/// use counterfoil_verify::{Algorithm, FeedOptions, RemoteVerifier, StalePolicy, TokenVerifier};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = TokenVerifier::builder("https://auth.example", "https://shop.example", &[Algorithm::Es256]);
/// let key = std::env::var("VERIFIER_KEY")?;
/// let verifier = RemoteVerifier::builder(tokens)
///     .feed(FeedOptions::new(key).stale_policy(StalePolicy::Introspect))
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct RemoteVerifierBuilder {
    tokens: TokenVerifierBuilder,
    jwks: JwksOptions,
    feed: Option<FeedOptions>,
}

impl RemoteVerifier {
    /// Starts fetching the keys of the issuer of `tokens`, on the caller's tokio runtime. It returns at once;
    /// until the first keys are fetched, requests wait for them.
    ///
    /// # Errors
    ///
    /// The settings could never work, whatever the issuer answers.
    pub fn start(tokens: TokenVerifierBuilder, options: JwksOptions) -> Result<Self, RemoteVerifierError> {
        Self::builder(tokens).jwks(options).start()
    }

    /// Builds a verifier that also follows the revocation feed, if it has a verifier key.
    pub fn builder(tokens: TokenVerifierBuilder) -> RemoteVerifierBuilder {
        RemoteVerifierBuilder { tokens, jwks: JwksOptions::from_discovery(), feed: None }
    }
}

impl RemoteVerifierBuilder {
    /// Sets where the keys are fetched from; [`JwksOptions::from_discovery`] by default.
    pub fn jwks(mut self, options: JwksOptions) -> Self {
        self.jwks = options;
        self
    }

    /// Follows the revocation feed with this verifier key, which `counterfoil verifier add` prints. Without one the verifier
    /// receives no revocations: a revoked token is accepted until it expires.
    pub fn verifier_key(self, key: impl AsRef<str>) -> Self {
        self.feed(FeedOptions::new(key))
    }

    /// Follows the revocation feed with these options.
    pub fn feed(mut self, options: FeedOptions) -> Self {
        self.feed = Some(options);
        self
    }

    /// Starts fetching the keys, and following the feed, on the caller's tokio runtime. It returns at once; until the first
    /// keys and revocations have arrived, requests wait for them.
    ///
    /// # Errors
    ///
    /// The settings could never work, whatever the issuer answers.
    pub fn start(self) -> Result<RemoteVerifier, RemoteVerifierError> {
        let Self { tokens, mut jwks, feed } = self;
        let runtime = Handle::try_current().map_err(|_| RemoteVerifierError::NoRuntime)?;
        let feed = feed.map(|options| FeedSetup::new(&tokens, &jwks, options)).transpose()?;
        if let Some(setup) = &feed {
            // Keys and tokens expire by one clock.
            jwks.clock = Arc::clone(&setup.clock) as _;
        }
        let client = JwksClient::new(&tokens, &jwks)?;
        let tokens: Arc<TokenVerifier> = Arc::new(tokens.build(KeySet::default())?);
        let refresher = JwksRefresher::start(Arc::clone(&tokens), client, &jwks)?;
        let JwksOptions { clock, timeout: wait_timeout, .. } = jwks;
        let Some(setup) = feed else {
            let local_clock = Arc::clone(&clock);
            let local = LocalVerifier::new(tokens, Arc::new(Revocations::new()), move || local_clock.now());
            return Ok(RemoteVerifier { local, refresher, clock, wait_timeout, feed: None });
        };
        let lease_clock = Arc::clone(&setup.lease_clock);
        let revocations = Arc::new(Revocations::with_freshness(Freshness::NEVER));
        let local = LocalVerifier::new(tokens, revocations, move || lease_clock.now())
            .following_feed(Arc::clone(&clock), &setup.options);
        let feed = Some(Arc::new(setup.start(&runtime, &local, &refresher)));
        Ok(RemoteVerifier { local, refresher, clock, wait_timeout, feed })
    }
}

/// What is checked before anything starts.
struct FeedSetup {
    options: FeedOptions,
    client: FeedClient,
    introspection: IntrospectionClient,
    instance: FeedInstanceId,
    lease_clock: Arc<LeaseClock>,
    clock: Arc<IssuerClock>,
}

impl FeedSetup {
    fn new(
        tokens: &TokenVerifierBuilder,
        jwks: &JwksOptions,
        options: FeedOptions,
    ) -> Result<Self, RemoteVerifierError> {
        let authorization = options.authorization().ok_or(RemoteVerifierError::InvalidVerifierKey)?;
        let base: HttpUrl = match &options.base_url {
            Some(url) => url.clone(),
            None => tokens.issuer.parse()?,
        };
        let (feed, introspect) = (base.join("/v1/feed")?, base.join("/oauth/introspect")?);
        let client = || HttpClient::for_url(&base, &jwks.roots);
        let lease_clock = Arc::<LeaseClock>::default();
        let clock = Arc::new(IssuerClock::new(Arc::clone(&jwks.clock), Arc::clone(&lease_clock)));
        let random = random::bytes::<16>().map_err(|_| RemoteVerifierError::NoRandomness)?;
        Ok(Self {
            client: FeedClient::new(client()?, feed, authorization.clone()),
            introspection: IntrospectionClient::new(
                client()?,
                introspect,
                authorization,
                Arc::clone(&lease_clock),
            ),
            instance: base64url::encode(random).parse().expect("base64url has only unreserved characters"),
            lease_clock,
            clock,
            options,
        })
    }

    fn start(self, runtime: &Handle, local: &LocalVerifier, refresher: &JwksRefresher) -> FollowedFeed {
        let Self { options, client, introspection, instance, lease_clock, clock } = self;
        let max_stale = options.max_stale();
        let refresher = refresher.downgrade();
        let parts = FeedParts {
            follower: Follower::new(instance, max_stale),
            revocations: Arc::clone(local.revocations()),
            clock,
            lease_clock,
            max_entries: options.max_entries,
            issuer: local.token_verifier().issuer().into(),
            on_keys: Box::new(move |hash| refresher.announce(hash)),
        };
        let task = FeedTask::start(runtime, client, parts);
        FollowedFeed { task, introspection, policy: options.stale_policy, max_stale }
    }
}
