//! From where keys are followed, and at which pace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::authenticator::Now;
use crate::clock::SystemClock;
use crate::jwks::refresh_policy::Pace;
use crate::jwks::tls::Roots;
use crate::jwks::url::{Location, LocationError};

/// The longest that one fetch takes altogether, and that a request waits for it.
const LONGEST: Duration = Duration::from_secs(5);

/// Where the keys are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Where the issuer's own metadata says.
    Discovered,
    /// Here.
    KeySet(Location),
}

/// From where an issuer's keys are followed, and at which pace.
///
/// Unless said otherwise: fetched anew before they are stale by the issuer's `Cache-Control`, which counts
/// for at least a minute and at most a day; an unknown key makes us fetch at most once in 30 seconds; keys
/// that cannot be fetched anew are believed for an hour more, and then nobody is let in.
///
/// ```
/// use std::time::Duration;
///
/// use counterfoil_verify::Follow;
///
/// let follow = Follow::discover().refresh_between(Duration::from_secs(60), Duration::from_secs(600));
/// let keycloak = Follow::key_set("https://id.example/realms/shop/protocol/openid-connect/certs")?;
/// assert!(Follow::key_set("file:///etc/keys.json").is_err());
/// # Ok::<(), counterfoil_verify::LocationError>(())
/// ```
#[derive(Clone)]
pub struct Follow {
    pub(crate) source: Source,
    pub(crate) pace: Pace,
    pub(crate) time_limit: Duration,
    pub(crate) roots: Roots,
    pub(crate) clock: Arc<dyn Now>,
}

impl Follow {
    /// Where the issuer's metadata says: `/.well-known/oauth-authorization-server` (RFC 8414), or
    /// `/.well-known/openid-configuration`. The issuer that it names must be the verifier's, byte for byte.
    pub fn discover() -> Self {
        Self::of(Source::Discovered)
    }

    /// At this URL, without metadata.
    ///
    /// # Errors
    ///
    /// A URL that is not `https`, nor `http` on loopback.
    pub fn key_set(url: &str) -> Result<Self, LocationError> {
        Ok(Self::of(Source::KeySet(url.parse()?)))
    }

    fn of(source: Source) -> Self {
        let pace = Pace {
            least: Duration::from_secs(60),
            most: Duration::from_secs(24 * 3600),
            stale: Duration::from_secs(3600),
            cool_down: Duration::from_secs(30),
        };
        Self { source, pace, time_limit: LONGEST, roots: Roots::System, clock: Arc::new(SystemClock::new()) }
    }

    /// What the issuer says of its keys' age counts for at least `least` and at most `most`: after `most` a
    /// key that was taken out of the set is surely unknown here.
    #[must_use]
    pub const fn refresh_between(mut self, least: Duration, most: Duration) -> Self {
        self.pace.least = least;
        self.pace.most = most;
        self
    }

    /// The time between two fetches for the sake of unknown keys that brought nothing new.
    #[must_use]
    pub const fn cool_down(mut self, cool_down: Duration) -> Self {
        self.pace.cool_down = cool_down;
        self
    }

    /// For how long keys are believed beyond their age if they cannot be fetched anew. An issuer that was
    /// cut off cannot say that it revoked one of them.
    #[must_use]
    pub const fn keep_stale_for(mut self, stale: Duration) -> Self {
        self.pace.stale = stale;
        self
    }

    /// How long one fetch may take altogether, and how long a request waits for one; 5 seconds unless said
    /// otherwise, and at most.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit.min(LONGEST);
        self
    }

    /// Believes certificates of these roots alone, in PEM, and of none that the system trusts.
    #[must_use]
    pub fn trust_only(mut self, pem: &[u8]) -> Self {
        self.roots = Roots::Only(pem.into());
        self
    }

    /// Goes by this clock; by [`SystemClock`] unless said otherwise.
    #[must_use]
    pub fn by_clock(mut self, clock: impl Now) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("source", &self.source)
            .field("pace", &self.pace)
            .field("time_limit", &self.time_limit)
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}
