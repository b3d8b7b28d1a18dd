//! An attempt that the limiter has allowed, and the counters for its outcome.

use counterfoil_jose::Time;

use crate::services::login_rate_limiter::limits::RateLimit;
use crate::store::{CounterIncrement, CounterKey, CounterValue};

/// An attempt that was allowed, and the counters for its outcome.
#[derive(Debug)]
#[must_use]
pub struct LoginAttempt {
    /// The limits that hold for every client IP, trusted or not.
    pub(super) rules: Vec<RateLimitRule>,
    /// What this client IP adds to `per_account`. `None` without a client IP.
    pub(super) from_one_ip: Option<RateLimitRule>,
    pub(super) per_account: RateLimitRule,
    /// The counter that marks the client IP as trusted by the account, and until when it is trusted.
    pub(super) trusted_ip: Option<(CounterKey, Time)>,
    /// The limits of successful attempts, counted in memory.
    pub(super) successes: Vec<RateLimitRule>,
}

/// A counter and its limit.
#[derive(Debug, Clone)]
pub(super) struct RateLimitRule {
    /// The name in log messages.
    pub(super) name: &'static str,
    pub(super) counter: CounterKey,
    pub(super) limit: RateLimit,
}

impl LoginAttempt {
    /// The rules whose counters a failure increments. The limit of consecutive failures is the last, and what this client
    /// IP adds to it is before it.
    pub(super) fn all_rules(&self) -> impl Iterator<Item = &RateLimitRule> {
        self.rules.iter().chain(&self.from_one_ip).chain([&self.per_account])
    }

    /// The increments of a failure, in the order of the rules. One client IP adds to the consecutive failures of the
    /// account only up to its own limit, and only with attempts that are answered: concurrent attempts beyond the limit
    /// of the account and IP are rejected, and count for nothing more.
    pub(super) fn increments(&self) -> Vec<CounterIncrement> {
        let mut increments: Vec<_> = self.all_rules().map(RateLimitRule::increment).collect();
        if let Some(from_one_ip) = &self.from_one_ip {
            let limits = self.rules.iter().chain([from_one_ip]).map(|rule| rule.limit.max);
            for (increment, previous) in increments.iter_mut().skip(1).zip(limits) {
                increment.while_previous_at_most = Some(previous);
            }
        }
        increments
    }

    /// The rules that may reject this attempt, in the same order. A trusted IP is exempt from the last two.
    pub(super) fn enforced_rules(&self, now: Time) -> impl Iterator<Item = &RateLimitRule> {
        let is_trusted_ip = self.trusted_ip.as_ref().is_some_and(|(_, until)| *until > now);
        let untrusted = self.from_one_ip.iter().chain([&self.per_account]);
        self.rules.iter().chain(untrusted.filter(move |_| !is_trusted_ip))
    }
}

impl RateLimitRule {
    pub(super) fn increment(&self) -> CounterIncrement {
        let key = self.counter.clone();
        CounterIncrement { key, amount: 1, window: self.limit.window, while_previous_at_most: None }
    }

    pub(super) fn is_reached_by(&self, value: CounterValue) -> bool {
        value.count >= self.limit.max.into()
    }

    pub(super) fn is_exceeded_by(&self, value: CounterValue) -> bool {
        value.count > self.limit.max.into()
    }
}
