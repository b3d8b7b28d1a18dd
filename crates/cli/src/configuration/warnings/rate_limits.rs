//! Warnings about rate limits that allow guessing of passwords, or let an attacker lock a user out.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

use super::{Check, warn_if};

/// Ten times the defaults, in a day: more than any person mistypes.
const MAX_PER_ACCOUNT_AND_IP: u64 = 10 * 20 * 96;
const MAX_PER_IP: u64 = 10 * 100 * 24 * 60;

/// The shortest sensible memory of consecutive failures and of trusted IPs.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The checks of this file.
pub(super) const CHECKS: &[Check] = &[
    |_, settings| {
        warn_if(
            per_day(settings.rate_limits.per_account_and_ip) > MAX_PER_ACCOUNT_AND_IP,
            "login_rate_limit.per_account_and_ip",
            "one client IP can guess thousands of passwords of one account in a day",
            "the default is { max = 20, window = \"15m\" }",
        )
    },
    |_, settings| {
        warn_if(
            per_day(settings.rate_limits.per_ip) > MAX_PER_IP,
            "login_rate_limit.per_ip",
            "one client IP can guess more than a million passwords in a day",
            "the default is { max = 100, window = \"1m\" }",
        )
    },
    |_, settings| {
        warn_if(
            settings.rate_limits.per_account.max > 100,
            "login_rate_limit.per_account",
            "more than 100 consecutive guesses are allowed (NIST SP 800-63B-4, section 3.2.2)",
            "remove it: the default is { max = 100, window = \"1d\" }",
        )
    },
    |_, settings| {
        warn_if(
            settings.rate_limits.per_account.window < DAY,
            "login_rate_limit.per_account",
            "failures are forgotten within a day, so more than 100 consecutive guesses are possible",
            "set its window to 1d or more",
        )
    },
    |_, settings| {
        warn_if(
            settings.rate_limits.per_account_from_one_ip.max >= settings.rate_limits.per_account.max,
            "login_rate_limit.per_account_from_one_ip",
            "one client IP alone can close an account to unknown client IPs",
            "set its max to a quarter of that of per_account, or less",
        )
    },
    |_, settings| {
        warn_if(
            settings.rate_limits.per_account_from_one_ip.window < settings.rate_limits.per_account.window,
            "login_rate_limit.per_account_from_one_ip",
            "one client IP can cause more failures in the window of per_account than this limit",
            "set its window to that of per_account or more",
        )
    },
    |_, settings| {
        warn_if(
            settings.rate_limits.trusted_ip_ttl < DAY,
            "login_rate_limit.trusted_ip_ttl",
            "no client IP stays trusted for an account, so an attacker can lock its owner out by failing on purpose",
            "remove it: the default is 30d",
        )
    },
    |_, settings| {
        warn_if(
            settings.rate_limits.password_change.max >= settings.rate_limits.per_account.max,
            "login_rate_limit.password_change",
            "the thief of one session can keep its owner from changing the password",
            "set its max to a fifth of that of per_account, or less",
        )
    },
];

/// The attempts that a limit allows in a day, window after window.
fn per_day(limit: RateLimit) -> u64 {
    u64::from(limit.max).saturating_mul(DAY.as_secs()) / limit.window.as_secs().max(1)
}
