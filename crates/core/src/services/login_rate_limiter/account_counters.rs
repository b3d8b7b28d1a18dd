//! What the limiter counts for an account and for a client IP, for the operator: reads the counters and resets them.

use std::net::IpAddr;

use counterfoil_jose::Time;
use counterfoil_verify::UserId;

use crate::model::user::User;
use crate::services::login_rate_limiter::attempt::RateLimitRule;
use crate::services::login_rate_limiter::limits::RateLimit;
use crate::services::login_rate_limiter::{LoginRateLimiter, client_ip_key, counter_kind};
use crate::store::{Change, CounterKey, CounterValue, StoreError};

/// What a counter of an account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountedEvent {
    /// Consecutive failed logins by this login name, from all client IPs.
    FailedLogins,
    /// Failed logins by this login name from the given client IP, within the short window.
    FailedLoginsFromIp,
    /// The part of the consecutive failed logins that came from the given client IP.
    ConsecutiveFailedLoginsFromIp,
    /// Consecutive wrong current passwords in password changes.
    WrongCurrentPasswords,
    /// Successful logins by this login name from the given client IP. A restart of the server resets it.
    SuccessfulLogins,
    /// Password changes with the right current password. A restart of the server resets it.
    PasswordChanges,
    /// Failed logins from the given client IP, to any account.
    AllFailedLoginsFromIp,
    /// Successful logins from the given client IP, to any account. A restart of the server resets it.
    AllSuccessfulLoginsFromIp,
    /// Registrations from the given client IP.
    Registrations,
}

/// Whose counters are read or reset. The names of counters are keyed hashes, so what is not named here cannot be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CounterScope {
    /// Login names in their canonical form, whether or not such users exist.
    pub login_names: Vec<String>,
    /// The user with these names.
    pub user: Option<UserId>,
    /// Client IPs: what is counted for the names from there.
    pub client_ips: Vec<IpAddr>,
    /// A client IP: what is counted for it alone, to any account.
    pub whole_client_ip: Option<IpAddr>,
}

impl CounterScope {
    /// The names and the id of a user.
    pub fn of_user(user: &User) -> Self {
        let address = user.email.clone().filter(|_| user.email_verified);
        let login_names = std::iter::once(user.username.folded().to_owned()).chain(address).collect();
        Self { login_names, user: Some(user.id), ..Self::default() }
    }
}

/// A counter of an account or of a client IP with its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCounter {
    /// What is counted.
    pub event: CountedEvent,
    /// The login name for which it is counted: the username or the verified e-mail address, each with its own count.
    /// `None`: it is counted for the user, or for the client IP.
    pub login_name: Option<String>,
    /// The client IP for which it is counted; an IPv6 address stands for its network. `None`: for all of them together.
    pub client_ip: Option<IpAddr>,
    /// The events in the current window.
    pub count: u64,
    /// The limit.
    pub limit: RateLimit,
    /// When the window ends; `None` if nothing is counted.
    pub resets_at: Option<Time>,
}

impl CountedEvent {
    /// The name of the counter in responses and in the output of commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailedLogins => "failed_logins",
            Self::FailedLoginsFromIp => "failed_logins_from_ip",
            Self::ConsecutiveFailedLoginsFromIp => "consecutive_failed_logins_from_ip",
            Self::WrongCurrentPasswords => "wrong_current_passwords",
            Self::SuccessfulLogins => "successful_logins",
            Self::PasswordChanges => "password_changes",
            Self::AllFailedLoginsFromIp => "all_failed_logins_from_ip",
            Self::AllSuccessfulLoginsFromIp => "all_successful_logins_from_ip",
            Self::Registrations => "registrations",
        }
    }
}

impl AccountCounter {
    /// Until when the limit rejects attempts; `None` if it is not reached. [`CountedEvent::FailedLogins`] and
    /// [`CountedEvent::ConsecutiveFailedLoginsFromIp`] do not reject an IP that the account trusts.
    pub fn blocked_until(&self) -> Option<Time> {
        self.resets_at.filter(|_| self.count >= u64::from(self.limit.max))
    }
}

/// A counter to read or to reset.
struct Source {
    event: CountedEvent,
    login_name: Option<String>,
    client_ip: Option<IpAddr>,
    rule: RateLimitRule,
    storage: CounterStorage,
}

/// Where a counter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CounterStorage {
    /// In the store.
    Durable,
    /// In the memory of this process.
    Memory,
}

impl LoginRateLimiter {
    /// What is counted in `scope` at `now`: first the durable counters, then those in memory.
    ///
    /// # Errors
    ///
    /// If the counters cannot be read.
    pub async fn counters_in(
        &self,
        scope: &CounterScope,
        now: Time,
    ) -> Result<Vec<AccountCounter>, StoreError> {
        let (durable, in_memory) = self.split_sources(scope);
        let keys: Vec<CounterKey> = durable.iter().map(|source| source.rule.counter.clone()).collect();
        let values = self.store.counters(&keys, now).await?;
        let durable = durable.into_iter().zip(values).map(|(source, value)| source.counter(value));
        let in_memory = in_memory.into_iter().map(|source| {
            let value = self.successes.value(&source.rule.counter, now);
            source.counter(value)
        });
        Ok(durable.chain(in_memory).collect())
    }

    /// Resets the counters of `scope` in memory, and returns the changes that reset the durable ones.
    pub fn reset_changes(&self, scope: &CounterScope, now: Time) -> Vec<Change> {
        let (durable, in_memory) = self.split_sources(scope);
        for source in in_memory {
            self.successes.remove(&source.rule.counter);
        }
        let zero = CounterValue { count: 0, resets_at: now };
        durable.into_iter().map(|source| Change::set_counter(source.rule.counter, zero)).collect()
    }

    /// The durable counters of a scope, and those in memory.
    fn split_sources(&self, scope: &CounterScope) -> (Vec<Source>, Vec<Source>) {
        let names = scope.login_names.iter();
        let mut sources: Vec<Source> = names.flat_map(|name| self.sources_of_name(name, scope)).collect();
        sources.extend(scope.user.into_iter().flat_map(|user| self.sources_of_user(user)));
        sources.extend(scope.whole_client_ip.into_iter().flat_map(|ip| self.sources_of_client_ip(ip)));
        sources.into_iter().partition(|source| source.storage == CounterStorage::Durable)
    }

    fn sources_of_name(&self, name: &str, scope: &CounterScope) -> Vec<Source> {
        let limits = &self.limits;
        let of_name = |event, client_ip, rule| Source {
            login_name: Some(name.to_owned()),
            client_ip,
            ..Source::durable(event, rule)
        };
        let parts = [counter_kind::CONSECUTIVE_FAILURES, b"", name.as_bytes()];
        let rule = self.rule("per account", parts, limits.per_account);
        let mut sources = vec![of_name(CountedEvent::FailedLogins, None, rule)];
        for &ip in &scope.client_ips {
            let ip_key = self.ip_key(ip);
            let rule = |kind, limit| self.rule("per account and IP", [kind, &ip_key, name.as_bytes()], limit);
            let (per_account_and_ip, consecutive) = (
                rule(counter_kind::FAILURES_PER_ACCOUNT_AND_IP, limits.per_account_and_ip),
                rule(counter_kind::CONSECUTIVE_FAILURES_FROM_IP, limits.per_account_from_one_ip),
            );
            let successes = self.successes_to_account(name.as_bytes(), Some(ip));
            sources.extend([
                of_name(CountedEvent::FailedLoginsFromIp, Some(ip), per_account_and_ip),
                of_name(CountedEvent::ConsecutiveFailedLoginsFromIp, Some(ip), consecutive),
                of_name(CountedEvent::SuccessfulLogins, Some(ip), successes).in_memory(),
            ]);
        }
        sources
    }

    fn sources_of_user(&self, user: UserId) -> [Source; 2] {
        let parts = [counter_kind::PASSWORD_CHANGES_PER_USER, b"", user.as_bytes()];
        let wrong = self.rule("password changes per user", parts, self.limits.per_account);
        [
            Source::durable(CountedEvent::WrongCurrentPasswords, wrong),
            Source::durable(CountedEvent::PasswordChanges, self.right_password_changes(user)).in_memory(),
        ]
    }

    fn sources_of_client_ip(&self, ip: IpAddr) -> [Source; 3] {
        let ip_key = self.ip_key(ip);
        let rule = |kind, limit| self.rule("per IP", [kind, &ip_key, b""], limit);
        let of_ip = |event, rule| Source { client_ip: Some(ip), ..Source::durable(event, rule) };
        let limits = &self.limits;
        [
            of_ip(CountedEvent::AllFailedLoginsFromIp, rule(counter_kind::FAILURES_PER_IP, limits.per_ip)),
            of_ip(
                CountedEvent::Registrations,
                rule(counter_kind::REGISTRATIONS, limits.registrations_per_ip),
            ),
            of_ip(
                CountedEvent::AllSuccessfulLoginsFromIp,
                rule(counter_kind::SUCCESSES_PER_IP, limits.successful_per_ip),
            )
            .in_memory(),
        ]
    }

    fn ip_key(&self, ip: IpAddr) -> [u8; 17] {
        client_ip_key(ip, self.limits.ipv6_prefix)
    }
}

impl Source {
    fn durable(event: CountedEvent, rule: RateLimitRule) -> Self {
        Self { event, login_name: None, client_ip: None, rule, storage: CounterStorage::Durable }
    }

    fn in_memory(self) -> Self {
        Self { storage: CounterStorage::Memory, ..self }
    }

    fn counter(self, value: CounterValue) -> AccountCounter {
        let Self { event, login_name, client_ip, rule, .. } = self;
        let resets_at = (value.count > 0).then_some(value.resets_at);
        AccountCounter { event, login_name, client_ip, count: value.count, limit: rule.limit, resets_at }
    }
}
