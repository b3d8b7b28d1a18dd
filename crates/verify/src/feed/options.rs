//! How a verifier follows the revocation feed, and what it does while it cannot.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

use counterfoil_jose::Secret;

use crate::http_client::url::{HttpUrl, HttpUrlError};
use crate::stale_policy::StalePolicy;

/// The most revocations that a verifier holds, if it is not told otherwise: about 200 MB.
const DEFAULT_MAX_ENTRIES: usize = 4_000_000;

/// How a verifier follows the revocation feed of its issuer.
///
/// ```
/// use counterfoil_verify::{FeedOptions, StalePolicy};
///
/// # let key = "cfv_AQEBAQEBAQEBAQEBAQEBAQ.secret";
/// let options = FeedOptions::new(key).stale_policy(StalePolicy::Introspect);
/// let through_a_proxy = FeedOptions::new(key).base_url("https://auth.internal.example")?;
/// # Ok::<(), counterfoil_verify::HttpUrlError>(())
/// ```
#[derive(Clone)]
pub struct FeedOptions {
    key: Secret<String>,
    pub(crate) base_url: Option<HttpUrl>,
    pub(crate) stale_policy: StalePolicy,
    route_stale: Duration,
    pub(crate) max_entries: usize,
}

impl FeedOptions {
    /// Follows the feed with this verifier key, which `counterfoil verifier add` prints.
    pub fn new(verifier_key: impl AsRef<str>) -> Self {
        Self {
            key: Secret::new(verifier_key.as_ref().trim().to_owned()),
            base_url: None,
            stale_policy: StalePolicy::Deny,
            route_stale: Duration::ZERO,
            max_entries: DEFAULT_MAX_ENTRIES,
        }
    }

    /// Reaches the issuer at this URL instead of at its issuer identifier: `/v1/feed` and `/oauth/introspect` are below it.
    ///
    /// # Errors
    ///
    /// The URL is neither `https` nor `http` on loopback.
    pub fn base_url(mut self, url: &str) -> Result<Self, HttpUrlError> {
        self.base_url = Some(url.parse()?);
        Ok(self)
    }

    /// What to do with a credential while the revocations are stale; [`StalePolicy::Deny`] by default. A
    /// `StalePolicyLayer` overrides it for a route.
    #[must_use]
    pub const fn stale_policy(mut self, policy: StalePolicy) -> Self {
        self.stale_policy = policy;
        self
    }

    /// Allows routes to accept a credential for this time after the lease has ended, with a `StalePolicyLayer`. The issuer is
    /// told the time, and its setting `feed.max_stale` must allow it.
    #[must_use]
    pub const fn danger_let_routes_accept_stale(mut self, bound: Duration) -> Self {
        self.route_stale = bound;
        self
    }

    /// The most revocations to hold; 4 million by default, which take about 200 MB. With more the verifier is stale.
    #[must_use]
    pub const fn max_entries(mut self, max: usize) -> Self {
        self.max_entries = max;
        self
    }

    /// For how long after the end of the lease a credential is accepted where no route says otherwise.
    pub(crate) const fn accepted_stale(&self) -> Duration {
        match self.stale_policy {
            StalePolicy::DangerAcceptStale(bound) => bound,
            StalePolicy::Deny | StalePolicy::Introspect => Duration::ZERO,
        }
    }

    /// For how long after the end of the lease a credential may be accepted, by whichever route.
    pub(crate) fn max_stale(&self) -> Duration {
        self.accepted_stale().max(self.route_stale)
    }

    /// The header that presents the key; `None` if the key is not the text of a verifier key.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let key = self.key.expose();
        let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if !key.starts_with("cfv_") || !is_visible {
            return None;
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Debug for FeedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedOptions")
            .field("base_url", &self.base_url)
            .field("stale_policy", &self.stale_policy)
            .field("max_entries", &self.max_entries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verifier_key_is_presented_and_debug_hides_it() {
        for wrong in ["", "cfa_AQ.secret", "cfv_AQ.sec ret", "cfv_AQ.secret\r\nx: y"] {
            assert!(FeedOptions::new(wrong).authorization().is_none(), "{wrong}");
        }
        let options = FeedOptions::new("cfv_AQ.secret\n");
        let header = options.authorization().unwrap();

        assert!(header == "Bearer cfv_AQ.secret" && header.is_sensitive());
        assert!(!format!("{options:?} {header:?}").contains("secret"));
    }

    #[test]
    fn the_issuer_is_told_the_longest_time_for_which_a_route_accepts_stale_revocations() {
        let (short, long) = (Duration::from_secs(5), Duration::from_secs(60));
        let options = FeedOptions::new("cfv_AQ.secret").stale_policy(StalePolicy::DangerAcceptStale(short));

        assert_eq!(options.max_stale(), short);
        assert_eq!(options.danger_let_routes_accept_stale(long).max_stale(), long);
    }
}
