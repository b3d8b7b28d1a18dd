//! Limits how often the requests of one client are authenticated for a proxy.

use std::net::IpAddr;

use counterfoil_core::services::login_rate_limiter::{RateLimit, client_ip_key};
use counterfoil_core::services::window_counters::WindowCounters;
use counterfoil_core::{ClientError, RateLimitReached};
use counterfoil_jose::Time;

use crate::settings::Settings;

/// Counts forwarded requests by client IP, in memory, and refuses those above the limit.
pub(crate) struct ForwardAuthRateLimiter {
    limit: RateLimit,
    ipv6_prefix: u8,
    counters: WindowCounters<[u8; 17]>,
}

impl ForwardAuthRateLimiter {
    /// Uses the limit in `settings`.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        Self {
            limit: settings.forward_auth.per_ip,
            ipv6_prefix: settings.rate_limits.ipv6_prefix,
            counters: WindowCounters::default(),
        }
    }

    /// Counts a request that came through the proxy `peer`. If that is no trusted proxy, `client` is the proxy itself, which
    /// stands for all its clients: it is not counted, because one of them could then lock the others out.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub(crate) fn count(&self, client: IpAddr, peer: IpAddr, now: Time) -> Result<(), ClientError> {
        if client == peer.to_canonical() {
            return Ok(());
        }
        let limit = "forwarded requests from one IP";
        let refused = |retry_after| ClientError::RateLimited(RateLimitReached { limit, retry_after });
        self.counters.count(client_ip_key(client, self.ipv6_prefix), self.limit, now).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_client_has_a_share_of_its_own_and_the_proxy_has_none() {
        let settings = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        let settings = settings.with(|settings| {
            settings.forward_auth.per_ip = RateLimit { max: 1, window: Duration::from_secs(1) };
        });
        let limiter = ForwardAuthRateLimiter::for_settings(&settings);
        let [proxy, one, other] = ["127.0.0.1", "192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());

        assert_eq!((limiter.count(one, proxy, NOON), limiter.count(other, proxy, NOON)), (Ok(()), Ok(())));
        assert!(limiter.count(one, proxy, NOON).is_err());
        assert!((0..10).all(|_| limiter.count(proxy, proxy, NOON).is_ok()));
    }
}
