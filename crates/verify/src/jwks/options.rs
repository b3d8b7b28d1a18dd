//! Where the keys of a remote issuer are fetched from, how often, and by which clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::authenticator::Clock;
use crate::clock::SystemClock;
use crate::http_client::tls::TrustedRoots;
use crate::http_client::url::{HttpUrl, HttpUrlError};
use crate::jwks::refresh_policy::RefreshLimits;

/// The longest timeout of a fetch, and the longest time that a request waits for one.
const MAX_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the keys are.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// At the `jwks_uri` of the issuer's metadata.
    Discovery,
    /// At this URL.
    Url(HttpUrl),
}

/// Where the keys of a remote issuer are fetched from, and how often.
///
/// By default keys are refreshed before they are stale by the issuer's `Cache-Control`, which is limited to
/// between a minute and a day. An unknown key causes at most one fetch in 30 seconds. If fetching fails, the
/// current keys are used for one more hour; then every token is refused.
///
/// ```
/// use std::time::Duration;
///
/// use counterfoil_verify::JwksOptions;
///
/// let options = JwksOptions::from_discovery()
///     .refresh_between(Duration::from_secs(60), Duration::from_secs(600));
/// let keycloak = JwksOptions::from_url("https://id.example/realms/shop/protocol/openid-connect/certs")?;
/// assert!(JwksOptions::from_url("file:///etc/keys.json").is_err());
/// # Ok::<(), counterfoil_verify::HttpUrlError>(())
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
    /// Fetches the keys from the `jwks_uri` of the issuer's metadata:
    /// `/.well-known/oauth-authorization-server` (RFC 8414) or `/.well-known/openid-configuration`. The
    /// metadata must name the verifier's issuer, byte for byte.
    pub fn from_discovery() -> Self {
        Self::new(KeySource::Discovery)
    }

    /// Fetches the keys from this URL, without metadata.
    ///
    /// # Errors
    ///
    /// The URL is neither `https` nor `http` on loopback.
    pub fn from_url(url: &str) -> Result<Self, HttpUrlError> {
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

    /// Limits how long keys are fresh, whatever the issuer's `Cache-Control` says. A key that the issuer has
    /// removed is refused here after `max` at the latest.
    #[must_use]
    pub const fn refresh_between(mut self, min: Duration, max: Duration) -> Self {
        self.limits.min_fresh = min;
        self.limits.max_fresh = max;
        self
    }

    /// The least time between two fetches for unknown keys if the first brought no new keys.
    #[must_use]
    pub const fn unknown_key_cooldown(mut self, cooldown: Duration) -> Self {
        self.limits.cooldown = cooldown;
        self
    }

    /// How long stale keys are still used if fetching fails. During that time the verifier does not learn
    /// that the issuer has removed a key.
    #[must_use]
    pub const fn stale_if_error(mut self, stale_if_error: Duration) -> Self {
        self.limits.stale_if_error = stale_if_error;
        self
    }

    /// The timeout of a whole fetch, and how long a request waits for one; 5 seconds by default and at most.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(MAX_TIMEOUT);
        self
    }

    /// Trusts only these root certificates, in PEM, and not those of the system.
    #[must_use]
    pub fn trust_only_roots(mut self, pem: &[u8]) -> Self {
        self.roots = TrustedRoots::Only(pem.into());
        self
    }

    /// Sets the clock; [`SystemClock`] by default.
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
