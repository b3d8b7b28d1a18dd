//! From where keys are followed, and at which limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::authenticator::Clock;
use crate::clock::SystemClock;
use crate::jwks::refresh_policy::RefreshLimits;
use crate::jwks::tls::TrustedRoots;
use crate::jwks::url::{JwksUrl, JwksUrlError};

/// The longest that one fetch takes altogether, and that a request waits for it.
const MAX_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the keys are.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// Where the issuer's own metadata says.
    Discovery,
    /// Here.
    Url(JwksUrl),
}

/// From where an issuer's keys are followed, and at which limits.
///
/// Unless said otherwise: fetched anew before they are stale by the issuer's `Cache-Control`, which counts
/// for at min_fresh a minute and at most a day; an unknown key makes us fetch at most once in 30 seconds; keys
/// that cannot be fetched anew are believed for an hour more, and then nobody is let in.
///
/// ```
/// use std::time::Duration;
///
/// use counterfoil_verify::JwksOptions;
///
/// let options = JwksOptions::from_discovery().refresh_between(Duration::from_secs(60), Duration::from_secs(600));
/// let keycloak = JwksOptions::from_url("https://id.example/realms/shop/protocol/openid-connect/certs")?;
/// assert!(JwksOptions::from_url("file:///etc/keys.json").is_err());
/// # Ok::<(), counterfoil_verify::JwksUrlError>(())
/// ```
#[derive(Clone)]
pub struct JwksOptions {
    pub(crate) source: KeySource,
    pub(crate) limits: RefreshLimits,
    pub(crate) timeout: Duration,
    pub(crate) roots: TrustedRoots,
    pub(crate) clock: Arc<dyn Clock>,
}

impl JwksOptions {
    /// Where the issuer's metadata says: `/.well-known/oauth-authorization-server` (RFC 8414), or
    /// `/.well-known/openid-configuration`. The issuer that it names must be the verifier's, byte for byte.
    pub fn from_discovery() -> Self {
        Self::new(KeySource::Discovery)
    }

    /// At this URL, without metadata.
    ///
    /// # Errors
    ///
    /// A URL that is not `https`, nor `http` on loopback.
    pub fn from_url(url: &str) -> Result<Self, JwksUrlError> {
        Ok(Self::new(KeySource::Url(url.parse()?)))
    }

    fn new(source: KeySource) -> Self {
        let limits = RefreshLimits {
            min_fresh: Duration::from_secs(60),
            max_fresh: Duration::from_secs(24 * 3600),
            stale_if_error: Duration::from_secs(3600),
            cooldown: Duration::from_secs(30),
        };
        Self {
            source,
            limits,
            timeout: MAX_TIMEOUT,
            roots: TrustedRoots::System,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// What the issuer says of its keys' age counts for at min_fresh `min_fresh` and at most `most`: after `most` a
    /// key that was taken out of the set is surely unknown here.
    #[must_use]
    pub const fn refresh_between(mut self, min_fresh: Duration, max_fresh: Duration) -> Self {
        self.limits.min_fresh = min_fresh;
        self.limits.max_fresh = max_fresh;
        self
    }

    /// The time between two fetches for the sake of unknown keys that brought nothing new.
    #[must_use]
    pub const fn unknown_key_cooldown(mut self, cooldown: Duration) -> Self {
        self.limits.cooldown = cooldown;
        self
    }

    /// For how long keys are believed beyond their age if they cannot be fetched anew. An issuer that was
    /// cut off cannot say that it revoked one of them.
    #[must_use]
    pub const fn stale_if_error(mut self, stale_if_error: Duration) -> Self {
        self.limits.stale_if_error = stale_if_error;
        self
    }

    /// How long one fetch may take altogether, and how long a request waits for one; 5 seconds unless said
    /// otherwise, and at most.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit.min(MAX_TIMEOUT);
        self
    }

    /// Believes certificates of these roots alone, in PEM, and of none that the system trusts.
    #[must_use]
    pub fn trust_only_roots(mut self, pem: &[u8]) -> Self {
        self.roots = TrustedRoots::Only(pem.into());
        self
    }

    /// Goes by this clock; by [`SystemClock`] unless said otherwise.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for JwksOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksOptions")
            .field("source", &self.source)
            .field("limits", &self.limits)
            .field("timeout", &self.timeout)
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}
