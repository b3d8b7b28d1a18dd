//! Rate limits of requests that change something, by session, user and client IP.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

/// Rate limits of requests that change something. Logins, registrations and password changes have limits of their own
/// ([`RateLimits`](counterfoil_core::services::login_rate_limiter::RateLimits)).
///
/// Without them one session could fill the disk or keep the writer busy for all others. The defaults are far above what
/// an application does. A request above a limit gets 429 with `Retry-After`. The counters are in memory.
///
/// ```
/// use counterfoil::WriteRateLimits;
///
/// assert_eq!(WriteRateLimits::default().session_ends_per_user.max, 12);
/// assert!(WriteRateLimits::off().per_ip.is_off());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteRateLimits {
    /// Changes by one session: token exchanges, session data, administration.
    pub per_session: RateLimit,
    /// Changes by all sessions of one user, or by one admin key.
    pub per_user: RateLimit,
    /// Changes by all sessions and refreshes from one client IP.
    pub per_ip: RateLimit,
    /// Refreshes of one session.
    pub refreshes_per_session: RateLimit,
    /// Refreshes of all sessions of one user.
    pub refreshes_per_user: RateLimit,
    /// How often one user may end all sessions, or all others. The thief of one session could otherwise end each new
    /// session of its owner.
    pub session_ends_per_user: RateLimit,
    /// How many other sessions one user may end one by one.
    pub single_session_ends_per_user: RateLimit,
}

impl WriteRateLimits {
    /// No limits, for load tests and benchmarks, in which one client sends the requests of many.
    pub const fn off() -> Self {
        Self {
            per_session: RateLimit::OFF,
            per_user: RateLimit::OFF,
            per_ip: RateLimit::OFF,
            refreshes_per_session: RateLimit::OFF,
            refreshes_per_user: RateLimit::OFF,
            session_ends_per_user: RateLimit::OFF,
            single_session_ends_per_user: RateLimit::OFF,
        }
    }
}

impl Default for WriteRateLimits {
    fn default() -> Self {
        let rate = |max, minutes: u64| RateLimit { max, window: Duration::from_secs(60 * minutes) };
        Self {
            per_session: rate(600, 1),
            per_user: rate(1_200, 1),
            per_ip: rate(6_000, 1),
            refreshes_per_session: rate(60, 10),
            refreshes_per_user: rate(300, 10),
            session_ends_per_user: rate(12, 60),
            single_session_ends_per_user: rate(60, 60),
        }
    }
}
