//! Rate limits of introspection.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

/// Rate limits of `POST /oauth/introspect`. A request above a limit gets 429 with `Retry-After`. The counters are in memory.
///
/// The defaults are far above what resource servers send: they only keep one of them from using up the server.
///
/// ```
/// use counterfoil::IntrospectionLimits;
///
/// assert_eq!(IntrospectionLimits::default().per_key.max, 20_000);
/// assert!(IntrospectionLimits::off().per_ip.is_off());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntrospectionLimits {
    /// Introspections with one verifier key or admin key.
    pub per_key: RateLimit,
    /// Introspections from one client IP, also those whose caller does not authenticate.
    pub per_ip: RateLimit,
}

impl IntrospectionLimits {
    /// No limits, for load tests and benchmarks.
    pub const fn off() -> Self {
        Self { per_key: RateLimit::OFF, per_ip: RateLimit::OFF }
    }
}

impl Default for IntrospectionLimits {
    fn default() -> Self {
        let limit = RateLimit { max: 20_000, window: Duration::from_secs(1) };
        Self { per_key: limit, per_ip: limit }
    }
}
