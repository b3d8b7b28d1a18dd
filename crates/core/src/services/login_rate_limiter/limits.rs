//! The configurable limits of login attempts, password changes and registrations.

use std::time::Duration;

/// At most `max` events in each `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The maximum number of events.
    pub max: u32,
    /// The length of the window, which starts with the first event.
    pub window: Duration,
}

impl RateLimit {
    /// No limit.
    pub const OFF: Self = Self { max: u32::MAX, window: Duration::from_secs(24 * 60 * 60) };

    /// Whether it limits nothing.
    pub const fn is_off(self) -> bool {
        self.max == u32::MAX
    }
}

/// The limits that [`LoginRateLimiter`](super::LoginRateLimiter) enforces.
///
/// ```
/// use std::time::Duration;
/// use counterfoil_core::services::login_rate_limiter::{RateLimits, RateLimit};
///
/// let strict = RateLimits { per_ip: RateLimit { max: 10, window: Duration::from_secs(60) }, ..RateLimits::default() };
/// assert_eq!(strict.per_account_and_ip.max, 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Failed logins to one account from one client IP.
    pub per_account_and_ip: RateLimit,
    /// Failed logins from one client IP, to any account.
    pub per_ip: RateLimit,
    /// Consecutive failed logins to one account from untrusted IPs; consecutive wrong current passwords of one user.
    /// NIST SP 800-63B-4, section 3.2.2, requires at most 100.
    pub per_account: RateLimit,
    /// How many of the consecutive failures one client IP may cause. Then the account rejects this IP, and its further
    /// attempts are not counted for the account: an attacker needs several networks to close the account to unknown
    /// IPs. A trusted IP is not rejected.
    pub per_account_from_one_ip: RateLimit,
    /// Successful logins to one account from one client IP. They are counted in memory: a restart forgets them.
    pub successful_per_account: RateLimit,
    /// Successful logins from one client IP, to any account, counted in memory.
    pub successful_per_ip: RateLimit,
    /// Password changes of one user with the right current password, also those whose new password is refused, counted
    /// in memory.
    pub password_changes_per_user: RateLimit,
    /// Wrong current passwords in one session. Far fewer than `per_account`, in an equally long window: the thief of one
    /// session must not be able to exhaust the limit of the user.
    pub password_change: RateLimit,
    /// Registrations from one client IP.
    pub registrations_per_ip: RateLimit,
    /// How long an account trusts an IP after a successful login from there.
    pub trusted_ip_ttl: Duration,
    /// The length of the IPv6 prefix that counts as one client IP: a host with one address usually has the whole /64
    /// network.
    pub ipv6_prefix: u8,
}

impl Default for RateLimits {
    fn default() -> Self {
        let rate = |max, minutes: u64| RateLimit { max, window: Duration::from_secs(60 * minutes) };
        Self {
            per_account_and_ip: rate(20, 15),
            per_ip: rate(100, 1),
            per_account: rate(100, 24 * 60),
            per_account_from_one_ip: rate(25, 24 * 60),
            successful_per_account: rate(600, 10),
            successful_per_ip: rate(6_000, 10),
            password_changes_per_user: rate(60, 60),
            password_change: rate(20, 24 * 60),
            registrations_per_ip: rate(100, 60),
            trusted_ip_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            ipv6_prefix: 64,
        }
    }
}
