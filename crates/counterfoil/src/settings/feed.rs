//! Settings of the revocation feed.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

/// The settings of the revocation feed, which resource servers follow.
///
/// ```
/// use std::time::Duration;
/// use counterfoil::FeedSettings;
///
/// assert_eq!(FeedSettings::default().lease, Duration::from_secs(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedSettings {
    /// How long a verifier may rely on a response, from the moment at which it sent its poll. A verifier that is cut off
    /// refuses every credential after that. A poll waits for a third of it.
    pub lease: Duration,
    /// The longest time for which a verifier may be configured to accept credentials after its lease has run out. A wait
    /// for the fleet takes so much longer for such a verifier, so by default it is 0: the holder of a verifier key cannot
    /// slow down every wait.
    pub max_stale: Duration,
    /// How many processes may follow the feed with one verifier key at the same time.
    pub max_instances_per_key: usize,
    /// How many polls of one process are served; further ones are served later.
    pub polls_per_instance: RateLimit,
    /// How many polls of all processes of one verifier key are served; further ones get 429.
    pub polls_per_key: RateLimit,
    /// How many streams one verifier key may have open.
    pub max_streams_per_key: usize,
}

impl Default for FeedSettings {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            lease: 3 * second,
            max_stale: Duration::ZERO,
            max_instances_per_key: 1_000,
            polls_per_instance: RateLimit { max: 200, window: second },
            polls_per_key: RateLimit { max: 20_000, window: second },
            max_streams_per_key: 100,
        }
    }
}
