//! Limits how often one key and one client IP may introspect.

use std::net::IpAddr;

use counterfoil_core::services::login_rate_limiter::{RateLimit, client_ip_key};
use counterfoil_core::services::window_counters::WindowCounters;
use counterfoil_core::{ClientError, RateLimitReached};
use counterfoil_jose::Time;

use crate::settings::Settings;
use crate::settings::introspection::IntrospectionLimits;

/// Counts introspections in memory and refuses those above the limits.
pub(crate) struct IntrospectionRateLimiter {
    limits: IntrospectionLimits,
    ipv6_prefix: u8,
    counters: WindowCounters<[u8; 17]>,
}

impl IntrospectionRateLimiter {
    /// Uses the limits in `settings`.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        Self {
            limits: settings.introspection,
            ipv6_prefix: settings.rate_limits.ipv6_prefix,
            counters: WindowCounters::default(),
        }
    }

    /// Counts a request, before its caller is known.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub(crate) fn count_ip(&self, ip: Option<IpAddr>, now: Time) -> Result<(), ClientError> {
        match ip {
            Some(ip) => {
                let key = client_ip_key(ip, self.ipv6_prefix);
                self.count(key, self.limits.per_ip, "introspections from one IP", now)
            }
            None => Ok(()),
        }
    }

    /// Counts a request of an authenticated caller, by the id of its key.
    ///
    /// # Errors
    ///
    /// As [`count_ip`](Self::count_ip).
    pub(crate) fn count_key(&self, id: &[u8; 16], now: Time) -> Result<(), ClientError> {
        // The first byte of the key of an IP is never zero.
        let mut key = [0; 17];
        key[1..].copy_from_slice(id);
        self.count(key, self.limits.per_key, "introspections with one key", now)
    }

    fn count(
        &self,
        key: [u8; 17],
        rate: RateLimit,
        limit: &'static str,
        now: Time,
    ) -> Result<(), ClientError> {
        let refused = |retry_after| ClientError::RateLimited(RateLimitReached { limit, retry_after });
        self.counters.count(key, rate, now).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn keys_and_addresses_have_limits_of_their_own() {
        let rate = |max| RateLimit { max, window: Duration::from_secs(60) };
        let settings = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        let settings = settings.with(|settings| {
            settings.introspection = IntrospectionLimits { per_key: rate(1), per_ip: rate(2) };
        });
        let limiter = IntrospectionRateLimiter::for_settings(&settings);
        let ip = Some("192.0.2.1".parse().unwrap());

        assert_eq!((limiter.count_key(&[1; 16], NOON), limiter.count_key(&[2; 16], NOON)), (Ok(()), Ok(())));
        assert!(limiter.count_key(&[1; 16], NOON).is_err());
        assert_eq!((limiter.count_ip(ip, NOON), limiter.count_ip(ip, NOON)), (Ok(()), Ok(())));
        assert!(limiter.count_ip(ip, NOON).is_err());
        assert_eq!(limiter.count_ip(None, NOON), Ok(()));
    }
}
