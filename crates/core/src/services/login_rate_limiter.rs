//! How often somebody may guess: failures are counted durably, successes never.
//!
//! ```text
//!   admit      reads the counters before anything is hashed; full: 429, whoever the name belongs to
//!   failed     takes from all of them in one commit; who took too much learns nothing from the failure
//!   succeeded  reads them again; too many were faster: 429, though the password was right
//! ```
//!
//! So of any number of guesses at the same time no more are answered than the limit allows, and a login that
//! succeeds writes nothing in the usual case. Nothing that a client shows or begins anew resets a counter; only
//! the owner's own success ends the count of failures in a row.
//!
//! A stranger must not lock the owner out by failing on purpose. So the count in a row, the one limit that holds
//! wherever one comes from, spares sources that have logged in to this account within [`RateLimits::trusted_ip_ttl`].
//!
//! The same holds for the current password that a change of it asks for: the thief of a session guesses, and must
//! not lock the owner out. So each session has its count, which ends long before that of the user does.
//!
//! The names of counters are keyed hashes: none of them tells what somebody typed, or where from.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::{HmacKey, Time, base64url};
use counterfoil_verify::{SessionId, UserId};

use crate::client_error::ClientError;
use crate::services::ServiceError;
use crate::store::{Change, CommitOutcome, CounterIncrement, CounterKey, CounterValue, Store};

/// How long before its end the mark of a known source is renewed at the earliest: most logins write none.
const TRUSTED_IP_RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// So many within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub max: u32,
    /// Within which time, from the first of them on.
    pub window: Duration,
}

/// How often what may be tried.
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
    /// Failed logins to one account from one source.
    pub per_account_and_ip: RateLimit,
    /// Failed logins from one source, whatever the account.
    pub per_ip: RateLimit,
    /// Failed logins to one account in a row, from sources that it does not know; wrong current passwords of one
    /// user in a row. NIST SP 800-63B-4, section 3.2.2, wants at most 100.
    pub per_account: RateLimit,
    /// Wrong current passwords in one session. Far fewer than `per_account`, and for as long: who has stolen one
    /// session is not to fill the count of its owner.
    pub password_change: RateLimit,
    /// Registrations from one source.
    pub registrations_per_ip: RateLimit,
    /// How long an account knows a source after a login from there.
    pub trusted_ip_ttl: Duration,
    /// How many leading bits of an IPv6 address make a source: whoever has one address has the other 2^64 of the
    /// network too.
    pub ipv6_prefix: u8,
}

impl Default for RateLimits {
    fn default() -> Self {
        let rate = |max, minutes: u64| RateLimit { max, window: Duration::from_secs(60 * minutes) };
        Self {
            per_account_and_ip: rate(20, 15),
            per_ip: rate(100, 1),
            per_account: rate(100, 24 * 60),
            password_change: rate(20, 24 * 60),
            registrations_per_ip: rate(100, 60),
            trusted_ip_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            ipv6_prefix: 64,
        }
    }
}

/// Counts failures and says who has to wait.
#[derive(Clone)]
pub struct LoginRateLimiter {
    store: Arc<dyn Store>,
    key: HmacKey,
    limits: RateLimits,
}

/// A guess that was let through, and where its failure is counted.
#[derive(Debug)]
#[must_use]
pub struct LoginAttempt {
    rules: Vec<RateLimitRule>,
    per_account: RateLimitRule,
    /// The mark of the source in this account, and until when it stands.
    trusted_ip: Option<(CounterKey, Time)>,
}

/// A counter and what it may hold.
#[derive(Debug, Clone)]
struct RateLimitRule {
    /// Its word in the log.
    name: &'static str,
    counter: CounterKey,
    limit: RateLimit,
}

impl LoginRateLimiter {
    /// Counts in `store`, under names that are hashed with `key`: the same key at every start.
    pub fn new(store: Arc<dyn Store>, key: HmacKey, limits: RateLimits) -> Self {
        Self { store, key, limits }
    }

    /// Lets a login to `account` through, if there is a guess left. `account` is what the name comes to when it
    /// is looked up, whether or not it belongs to somebody. Without an address only the count in a row holds.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub async fn check_login(
        &self,
        account: &str,
        client_ip: Option<IpAddr>,
        now: Time,
    ) -> Result<LoginAttempt, ServiceError> {
        let account = account.as_bytes();
        let mut attempt = LoginAttempt {
            rules: Vec::new(),
            per_account: self.rule("per account", [b"r", b"", account], self.limits.per_account),
            trusted_ip: None,
        };
        if let Some(ip_key) = client_ip.map(|ip| client_ip_key(ip, self.limits.ipv6_prefix)) {
            let both = ("per account and IP", self.limits.per_account_and_ip);
            attempt.rules = vec![
                self.rule(both.0, [b"b", &ip_key, account], both.1),
                self.rule("per IP", [b"s", &ip_key, b""], self.limits.per_ip),
            ];
            attempt.trusted_ip = Some((self.counter([b"k", &ip_key, account]), Time::EPOCH));
        }
        self.check(attempt, now).await
    }

    /// Lets a change of the password through, if the session and the user have a guess at the current one left.
    /// Without a session only the user's count in a row holds.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub async fn check_password_change(
        &self,
        user: UserId,
        session: Option<SessionId>,
        now: Time,
    ) -> Result<LoginAttempt, ServiceError> {
        let of_session = |session: SessionId| {
            let parts: [&[u8]; 3] = [b"c", b"", session.as_bytes()];
            self.rule("password changes per session", parts, self.limits.password_change)
        };
        let parts: [&[u8]; 3] = [b"d", b"", user.as_bytes()];
        let attempt = LoginAttempt {
            rules: session.map(of_session).into_iter().collect(),
            per_account: self.rule("password changes per user", parts, self.limits.per_account),
            trusted_ip: None,
        };
        self.check(attempt, now).await
    }

    /// Counts a registration.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if there were too many from there.
    pub async fn consume_registration(
        &self,
        client_ip: Option<IpAddr>,
        now: Time,
    ) -> Result<(), ServiceError> {
        let Some(ip) = client_ip else { return Ok(()) };
        let ip_key = client_ip_key(ip, self.limits.ipv6_prefix);
        let rule = self.rule("registrations", [b"n", &ip_key, b""], self.limits.registrations_per_ip);
        let values = self.store.increment_counters(&[rule.increment()], now).await?;
        reject_until(values.into_iter().filter(|value| rule.is_exceeded_by(*value)), now)
    }

    /// Counts a failure. The guess beyond the last is told to wait, like all after it.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if others that came at the same time were counted before.
    pub async fn record_failure(&self, attempt: &LoginAttempt, now: Time) -> Result<(), ServiceError> {
        let increments: Vec<CounterIncrement> = attempt.all_rules().map(RateLimitRule::increment).collect();
        let values = self.store.increment_counters(&increments, now).await?;
        for (rule, value) in attempt.all_rules().zip(&values) {
            if value.count == u64::from(rule.limit.max) {
                tracing::warn!(limit = rule.name, "too many failed guesses: the next ones have to wait");
            }
        }
        let exceeded =
            attempt.enforced_rules(now).zip(values).filter(|(rule, value)| rule.is_exceeded_by(*value));
        reject_until(exceeded.map(|(_, value)| value), now)
    }

    /// Ends the count of failures in a row, and remembers the source as one that the account knows.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if so many failed at the same time that this guess was one too many: who guesses in
    /// parallel is not to win by it.
    pub async fn record_success(&self, attempt: LoginAttempt, now: Time) -> Result<(), ServiceError> {
        let (attempt, failures) = self.read_counters(attempt, now).await?;
        let mut changes = Vec::new();
        if failures > 0 {
            let none = CounterValue { count: 0, resets_at: now };
            changes.push(Change::SetCounter(attempt.per_account.counter, none));
        }
        if let Some((counter, until)) = attempt.trusted_ip
            && until < now + self.limits.trusted_ip_ttl.saturating_sub(TRUSTED_IP_RENEWAL)
        {
            let trusted_ip = CounterValue { count: 1, resets_at: now + self.limits.trusted_ip_ttl };
            changes.push(Change::SetCounter(counter, trusted_ip));
        }
        if changes.is_empty() {
            return Ok(());
        }
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }

    async fn check(&self, attempt: LoginAttempt, now: Time) -> Result<LoginAttempt, ServiceError> {
        self.read_counters(attempt, now).await.map(|(attempt, _)| attempt)
    }

    /// Reads what the counters hold: refused where one that binds is full. Tells how many failed in a row.
    async fn read_counters(
        &self,
        attempt: LoginAttempt,
        now: Time,
    ) -> Result<(LoginAttempt, u64), ServiceError> {
        let trusted_ip = attempt.trusted_ip.iter().map(|(counter, _)| counter.clone());
        let counters: Vec<_> =
            attempt.all_rules().map(|rule| rule.counter.clone()).chain(trusted_ip).collect();
        let value = self.store.counters(&counters, now).await?;
        let failures = value[attempt.rules.len()].count;
        let trusted_value = value.get(attempt.rules.len() + 1).filter(|value| value.count > 0);
        let until = trusted_value.map_or(Time::EPOCH, |value| value.resets_at);
        let attempt =
            LoginAttempt { trusted_ip: attempt.trusted_ip.map(|(counter, _)| (counter, until)), ..attempt };
        let full = attempt.enforced_rules(now).zip(value).filter(|(rule, value)| rule.is_reached_by(*value));
        reject_until(full.map(|(_, value)| value), now)?;
        Ok((attempt, failures))
    }

    fn rule(&self, name: &'static str, parts: [&[u8]; 3], limit: RateLimit) -> RateLimitRule {
        RateLimitRule { name, counter: self.counter(parts), limit }
    }

    /// The name of a counter: a byte for its kind, a source of 17 bytes or none, and an account.
    fn counter(&self, parts: [&[u8]; 3]) -> CounterKey {
        CounterKey(base64url::encode(self.key.mac(&parts)))
    }
}

impl LoginAttempt {
    /// Where a failure is counted; the count in a row comes last.
    fn all_rules(&self) -> impl Iterator<Item = &RateLimitRule> {
        self.rules.iter().chain([&self.per_account])
    }

    /// Those of them that may refuse this guess, in the same order.
    fn enforced_rules(&self, now: Time) -> impl Iterator<Item = &RateLimitRule> {
        let is_trusted_ip = self.trusted_ip.as_ref().is_some_and(|(_, until)| *until > now);
        self.rules.iter().chain((!is_trusted_ip).then_some(&self.per_account))
    }
}

impl RateLimitRule {
    fn increment(&self) -> CounterIncrement {
        CounterIncrement { key: self.counter.clone(), amount: 1, window: self.limit.window }
    }

    fn is_reached_by(&self, value: CounterValue) -> bool {
        value.count >= self.limit.max.into()
    }

    fn is_exceeded_by(&self, value: CounterValue) -> bool {
        value.count > self.limit.max.into()
    }
}

/// Refused until the last of these windows is over.
fn reject_until(full: impl Iterator<Item = CounterValue>, now: Time) -> Result<(), ServiceError> {
    match full.map(|value| value.resets_at).max() {
        Some(until) => Err(ClientError::RateLimited(until.since(now)).into()),
        None => Ok(()),
    }
}

/// Whom an address belongs to, as far as one can tell: an IPv4 address (also one that is written as IPv6) or the
/// network of an IPv6 address. A fixed number of bytes.
pub fn client_ip_key(ip: IpAddr, ipv6_prefix: u8) -> [u8; 17] {
    let (family, bits) = match ip.to_canonical() {
        IpAddr::V4(ip) => (4, ip.to_ipv6_mapped().to_bits()),
        IpAddr::V6(ip) => (6, ipv6_network(ip, ipv6_prefix)),
    };
    let mut ip_key = [family; 17];
    ip_key[1..].copy_from_slice(&bits.to_be_bytes());
    ip_key
}

fn ipv6_network(ip: Ipv6Addr, prefix: u8) -> u128 {
    let host_bits = 128_u32.saturating_sub(prefix.into());
    ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip_key(ip: &str) -> [u8; 17] {
        client_ip_key(ip.parse().unwrap(), 64)
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_source() {
        assert_eq!(ip_key("2001:db8:1:2::1"), ip_key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(ip_key("2001:db8:1:2::1"), ip_key("2001:db8:1:3::1"));
        assert_eq!(client_ip_key("::1".parse().unwrap(), 0), client_ip_key("ff::".parse().unwrap(), 0));
        assert_ne!(client_ip_key("::1".parse().unwrap(), 128), client_ip_key("::2".parse().unwrap(), 128));
        assert_eq!(client_ip_key("::1".parse().unwrap(), 128), client_ip_key("::1".parse().unwrap(), 200));
    }

    #[test]
    fn an_ipv4_address_is_one_source_however_it_is_written() {
        assert_eq!(ip_key("192.0.2.1"), ip_key("::ffff:192.0.2.1"));
        assert_ne!(ip_key("192.0.2.1"), ip_key("192.0.2.2"));
        // What merely holds the same bits is somewhere else.
        assert_ne!(ip_key("192.0.2.1"), ip_key("::192.0.2.1"));
    }
}
