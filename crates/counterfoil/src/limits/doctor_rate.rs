//! Limits how often one client IP may ask what the server sees of its requests.

use std::net::IpAddr;
use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::{RateLimit, client_ip_key};
use counterfoil_core::services::window_counters::WindowCounters;
use counterfoil_core::{ClientError, RateLimitReached};
use counterfoil_jose::Time;

use crate::settings::Settings;

/// An examination sends less than ten requests.
const PER_IP: RateLimit = RateLimit { max: 120, window: Duration::from_secs(60) };

/// The most client IPs that are counted at a time.
const MAX_COUNTERS: usize = 4096;

/// Counts the requests in memory, valid or not, and refuses those above the limit.
pub(crate) struct DoctorRateLimiter {
    ipv6_prefix: u8,
    counters: WindowCounters<[u8; 17]>,
}

impl DoctorRateLimiter {
    /// Counts IPv6 addresses as `settings` say.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        let counters = WindowCounters::with_capacity(MAX_COUNTERS);
        Self { ipv6_prefix: settings.rate_limits.ipv6_prefix, counters }
    }

    /// Counts a request, before its probe is looked at.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub(crate) fn count(&self, ip: Option<IpAddr>, now: Time) -> Result<(), ClientError> {
        let Some(ip) = ip else { return Ok(()) };
        let limit = "examinations from one IP";
        let refused = |retry_after| ClientError::RateLimited(RateLimitReached { limit, retry_after });
        self.counters.count(client_ip_key(ip, self.ipv6_prefix), PER_IP, now).map_err(refused)
    }
}
