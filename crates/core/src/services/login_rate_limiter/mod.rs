//! Limits password guessing: counts failed attempts durably, and rejects attempts above the limit with 429.
//!
//! 1. `check_login` and `check_password_change` read the counters before a password is hashed. If one is full, the attempt
//!    is rejected, whether or not the account exists.
//! 2. `record_failure` increments all counters in one commit. If the limit was exceeded, the client gets 429 and does not
//!    learn that the password was wrong.
//! 3. `record_success` reads the counters again. If concurrent attempts filled them, the client gets 429, although the
//!    password was right.
//!
//! So of any number of concurrent guesses no more are answered than the limit allows, and a successful login usually
//! writes nothing. Nothing that a client sends resets a counter: only a successful login of the account's owner
//! resets the count of consecutive failures.
//!
//! An attacker must not lock the owner out by failing on purpose. So the limit of consecutive failures, the only one that
//! counts all IPs together, does not apply to IPs from which the account logged in within
//! [`RateLimits::trusted_ip_ttl`]. And one IP adds only [`RateLimits::per_account_from_one_ip`] to it; then the account
//! rejects that IP, so that only several networks together close the account to unknown IPs.
//!
//! The same holds for the current password that a password change requires: the thief of a session may guess it, and
//! must not lock the owner out. So each session has its own limit, which is reached long before that of the user.
//!
//! Successful logins have limits, too, since each of them costs a hash. They are counted in memory, so that a login
//! writes nothing more. Those to one account are counted for each IP: an attacker who knows the password must not keep the
//! owner from changing it.
//!
//! Counter names are keyed hashes: the store reveals neither the names that were typed nor the IPs.

mod account_counters;
mod attempt;
mod client_ip;
mod limits;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::{HmacKey, Time, base64url};
use counterfoil_verify::{SessionId, UserId};

use crate::client_error::{ClientError, RateLimitReached};
use crate::services::ServiceError;
use crate::services::login_rate_limiter::attempt::RateLimitRule;
use crate::services::password_hasher::Requester;
use crate::services::window_counters::WindowCounters;
use crate::store::{Change, CommitOutcome, CounterKey, CounterValue, Store};

pub use self::account_counters::{AccountCounter, CountedEvent, CounterScope};
pub use self::attempt::LoginAttempt;
pub use self::client_ip::client_ip_key;
pub use self::limits::{RateLimit, RateLimits};

/// A trusted IP is renewed at the earliest this long after the last renewal, so that most logins write nothing.
const TRUSTED_IP_RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What a counter counts. The byte is the first part of the counter's name.
mod counter_kind {
    pub(super) const FAILURES_PER_ACCOUNT_AND_IP: &[u8] = b"b";
    pub(super) const FAILURES_PER_IP: &[u8] = b"s";
    pub(super) const CONSECUTIVE_FAILURES: &[u8] = b"r";
    pub(super) const CONSECUTIVE_FAILURES_FROM_IP: &[u8] = b"o";
    pub(super) const SUCCESSES_PER_ACCOUNT: &[u8] = b"a";
    pub(super) const SUCCESSES_PER_IP: &[u8] = b"i";
    pub(super) const RIGHT_PASSWORD_CHANGES: &[u8] = b"p";
    pub(super) const TRUSTED_IP: &[u8] = b"k";
    pub(super) const PASSWORD_CHANGES_PER_SESSION: &[u8] = b"c";
    pub(super) const PASSWORD_CHANGES_PER_USER: &[u8] = b"d";
    pub(super) const REGISTRATIONS: &[u8] = b"n";
    pub(super) const HASHING_OF_LOGIN: &[u8] = b"l";
    pub(super) const HASHING_OF_USER: &[u8] = b"u";
}

/// Counts failed attempts and rejects attempts above the limits.
#[derive(Clone)]
pub struct LoginRateLimiter {
    store: Arc<dyn Store>,
    key: HmacKey,
    limits: RateLimits,
    /// Too frequent to be written; a restart forgets them. Only successful attempts create counters.
    successes: Arc<WindowCounters<CounterKey>>,
}

impl LoginRateLimiter {
    /// Creates a limiter that counts in `store`. `key` hashes the counter names and must be the same at every start.
    pub fn new(store: Arc<dyn Store>, key: HmacKey, limits: RateLimits) -> Self {
        Self { store, key, limits, successes: Arc::default() }
    }

    /// The length of the IPv6 prefix that counts as one client IP.
    pub fn ipv6_prefix(&self) -> u8 {
        self.limits.ipv6_prefix
    }

    /// For whom the password of a login to `account` is hashed: the shares of the hash queue.
    pub fn login_requester(&self, account: &str, client_ip: Option<IpAddr>) -> Requester {
        self.requester([counter_kind::HASHING_OF_LOGIN, b"", account.as_bytes()], client_ip)
    }

    /// For whom the passwords of `user` are hashed when the user is known.
    pub fn user_requester(&self, user: UserId, client_ip: Option<IpAddr>) -> Requester {
        self.requester([counter_kind::HASHING_OF_USER, b"", user.as_bytes()], client_ip)
    }

    /// For whom the password of a new user is hashed.
    pub fn registration_requester(&self, client_ip: Option<IpAddr>) -> Requester {
        Requester { client_ip: self.client_ip_key(client_ip), account: None }
    }

    fn requester(&self, account: [&[u8]; 3], client_ip: Option<IpAddr>) -> Requester {
        Requester { client_ip: self.client_ip_key(client_ip), account: Some(self.key.mac(&account)) }
    }

    fn client_ip_key(&self, ip: Option<IpAddr>) -> Option<[u8; 17]> {
        ip.map(|ip| client_ip_key(ip, self.limits.ipv6_prefix))
    }

    /// Checks whether a login to `account` may be attempted. `account` is the canonical login name, whether or not such a
    /// user exists. Without a client IP only the limit of consecutive failures applies.
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
        let per_account = [counter_kind::CONSECUTIVE_FAILURES, b"", account];
        let mut attempt = LoginAttempt {
            rules: Vec::new(),
            from_one_ip: None,
            per_account: self.rule("failed attempts to an account", per_account, self.limits.per_account),
            trusted_ip: None,
            successes: vec![self.successes_to_account(account, client_ip)],
        };
        if let Some(ip_key) = self.client_ip_key(client_ip) {
            let per_account_and_ip = [counter_kind::FAILURES_PER_ACCOUNT_AND_IP, &ip_key, account];
            let per_ip = [counter_kind::FAILURES_PER_IP, &ip_key, b""];
            let from_one_ip = [counter_kind::CONSECUTIVE_FAILURES_FROM_IP, &ip_key, account];
            let successes = [counter_kind::SUCCESSES_PER_IP, &ip_key, b""];
            attempt.rules = vec![
                self.rule(
                    "failed attempts to an account from one IP",
                    per_account_and_ip,
                    self.limits.per_account_and_ip,
                ),
                self.rule("failed attempts from one IP", per_ip, self.limits.per_ip),
            ];
            let limit = self.limits.per_account_from_one_ip;
            attempt.from_one_ip =
                Some(self.rule("failed attempts to an account that one IP adds", from_one_ip, limit));
            attempt.successes.push(self.rule(
                "successful logins from one IP",
                successes,
                self.limits.successful_per_ip,
            ));
            let trusted_ip = self.counter([counter_kind::TRUSTED_IP, &ip_key, account]);
            attempt.trusted_ip = Some((trusted_ip, Time::EPOCH));
        }
        self.check(attempt, now).await
    }

    /// Checks whether a password change may be attempted by this session and this user. Without a session only the user's
    /// limit of consecutive failures applies.
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
        let per_session = |session: SessionId| {
            let parts = [counter_kind::PASSWORD_CHANGES_PER_SESSION, b"", session.as_bytes()];
            self.rule("failed password changes in a session", parts, self.limits.password_change)
        };
        let parts = [counter_kind::PASSWORD_CHANGES_PER_USER, b"", user.as_bytes()];
        let attempt = LoginAttempt {
            rules: session.map(per_session).into_iter().collect(),
            from_one_ip: None,
            per_account: self.rule("failed password changes of a user", parts, self.limits.per_account),
            trusted_ip: None,
            successes: vec![self.right_password_changes(user)],
        };
        self.check(attempt, now).await
    }

    /// Counts a password change without a session whose current password was right, with those in sessions.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if there were too many.
    pub fn consume_password_change(&self, user: UserId, now: Time) -> Result<(), ServiceError> {
        let rule = self.right_password_changes(user);
        let counted = self.successes.count(rule.counter.clone(), rule.limit, now);
        Ok(counted.map_err(|wait| reached(&rule, wait))?)
    }

    /// Counts a registration. At the limit it only reads: a rejected registration writes nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if there were too many from this client IP.
    pub async fn consume_registration(
        &self,
        client_ip: Option<IpAddr>,
        now: Time,
    ) -> Result<(), ServiceError> {
        let Some(ip_key) = self.client_ip_key(client_ip) else { return Ok(()) };
        let rule = self.rule(
            "registrations from one IP",
            [counter_kind::REGISTRATIONS, &ip_key, b""],
            self.limits.registrations_per_ip,
        );
        let values = self.store.counters(std::slice::from_ref(&rule.counter), now).await?;
        let reached = values.into_iter().filter(|value| rule.is_reached_by(*value));
        reject_until(reached.map(|value| (&rule, value)), now)?;
        // Concurrent registrations may have read the same value: the increment decides.
        let values = self.store.increment_counters(&[rule.increment()], now).await?;
        let exceeded = values.into_iter().filter(|value| rule.is_exceeded_by(*value));
        reject_until(exceeded.map(|value| (&rule, value)), now)
    }

    /// Counts a failed attempt. An attempt above the limit gets the same error as later ones.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if concurrent attempts were counted first and reached the limit.
    pub async fn record_failure(&self, attempt: &LoginAttempt, now: Time) -> Result<(), ServiceError> {
        let values = self.store.increment_counters(&attempt.increments(), now).await?;
        for (rule, value) in attempt.all_rules().zip(&values) {
            if value.count == u64::from(rule.limit.max) {
                tracing::warn!(
                    limit = rule.name,
                    "the limit of failed attempts is reached: further attempts are rejected"
                );
            }
        }
        let exceeded =
            attempt.enforced_rules(now).zip(values).filter(|(rule, value)| rule.is_exceeded_by(*value));
        reject_until(exceeded, now)
    }

    /// Counts a successful attempt in memory, resets the count of consecutive failures, and marks the client IP as trusted
    /// by the account.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] if concurrent failures reached the limit: an attacker must not gain extra guesses by
    /// sending them in parallel.
    pub async fn record_success(&self, attempt: LoginAttempt, now: Time) -> Result<(), ServiceError> {
        let (attempt, failures) = self.read_counters(attempt, now).await?;
        for rule in &attempt.successes {
            // The check has admitted it: a success at the limit is not taken back.
            let _ = self.successes.count(rule.counter.clone(), rule.limit, now);
        }
        let mut changes = Vec::new();
        if failures > 0 {
            let zero = CounterValue { count: 0, resets_at: now };
            let own = attempt.from_one_ip.map(|rule| rule.counter);
            let counters = own.into_iter().chain([attempt.per_account.counter]);
            changes.extend(counters.map(|counter| Change::set_counter(counter, zero)));
        }
        if let Some((counter, until)) = attempt.trusted_ip
            && until < now + self.limits.trusted_ip_ttl.saturating_sub(TRUSTED_IP_RENEWAL)
        {
            let trusted_ip = CounterValue { count: 1, resets_at: now + self.limits.trusted_ip_ttl };
            changes.push(Change::set_counter(counter, trusted_ip));
        }
        if changes.is_empty() {
            return Ok(());
        }
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
        }
    }

    async fn check(&self, attempt: LoginAttempt, now: Time) -> Result<LoginAttempt, ServiceError> {
        let successes = attempt.successes.iter().map(|rule| (rule, self.successes.value(&rule.counter, now)));
        let full = successes.filter(|(rule, value)| rule.is_reached_by(*value));
        reject_until(full, now)?;
        self.read_counters(attempt, now).await.map(|(attempt, _)| attempt)
    }

    /// Reads the counters and rejects the attempt if an enforced limit is reached. Returns the number of consecutive
    /// failures, too.
    async fn read_counters(
        &self,
        attempt: LoginAttempt,
        now: Time,
    ) -> Result<(LoginAttempt, u64), ServiceError> {
        let trusted_ip = attempt.trusted_ip.iter().map(|(counter, _)| counter.clone());
        let counters: Vec<_> =
            attempt.all_rules().map(|rule| rule.counter.clone()).chain(trusted_ip).collect();
        let values = self.store.counters(&counters, now).await?;
        let per_account = attempt.all_rules().count() - 1;
        let failures = values[per_account].count;
        let trusted_value = values.get(per_account + 1).filter(|value| value.count > 0);
        let until = trusted_value.map_or(Time::EPOCH, |value| value.resets_at);
        let attempt =
            LoginAttempt { trusted_ip: attempt.trusted_ip.map(|(counter, _)| (counter, until)), ..attempt };
        let full = attempt.enforced_rules(now).zip(values).filter(|(rule, value)| rule.is_reached_by(*value));
        reject_until(full, now)?;
        Ok((attempt, failures))
    }

    /// Password changes of one user with the right current password.
    fn right_password_changes(&self, user: UserId) -> RateLimitRule {
        let parts = [counter_kind::RIGHT_PASSWORD_CHANGES, b"", user.as_bytes()];
        self.rule("password changes of a user", parts, self.limits.password_changes_per_user)
    }

    /// Successful logins to one account from one client IP. Those without a client IP count together.
    fn successes_to_account(&self, account: &[u8], client_ip: Option<IpAddr>) -> RateLimitRule {
        let ip_key = self.client_ip_key(client_ip);
        let ip_key: &[u8] = ip_key.as_ref().map_or(b"", |key| key);
        let parts = [counter_kind::SUCCESSES_PER_ACCOUNT, ip_key, account];
        self.rule("successful logins to an account from one IP", parts, self.limits.successful_per_account)
    }

    fn rule(&self, name: &'static str, parts: [&[u8]; 3], limit: RateLimit) -> RateLimitRule {
        RateLimitRule { name, counter: self.counter(parts), limit }
    }

    /// The name of a counter: the MAC of its kind, a client IP of 17 bytes or none, and an account.
    fn counter(&self, parts: [&[u8]; 3]) -> CounterKey {
        CounterKey(base64url::encode(self.key.mac(&parts)))
    }
}

/// Rejects the attempt until the last of these windows ends.
fn reject_until<'a>(
    full: impl Iterator<Item = (&'a RateLimitRule, CounterValue)>,
    now: Time,
) -> Result<(), ServiceError> {
    match full.max_by_key(|(_, value)| value.resets_at) {
        Some((rule, value)) => Err(reached(rule, value.resets_at.since(now)).into()),
        None => Ok(()),
    }
}

const fn reached(rule: &RateLimitRule, retry_after: Duration) -> ClientError {
    ClientError::RateLimited(RateLimitReached { limit: rule.name, retry_after })
}
