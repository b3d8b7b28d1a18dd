//! What the limiter counts for an account, for the operator.

use std::net::IpAddr;

use counterfoil_jose::Time;

use crate::model::user::User;
use crate::services::login_rate_limiter::limits::RateLimit;
use crate::services::login_rate_limiter::{LoginRateLimiter, counter_kind};
use crate::store::{CounterKey, CounterValue, StoreError};

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
}

/// A counter of an account with its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCounter {
    /// What is counted.
    pub event: CountedEvent,
    /// The login name for which it is counted: the username or the verified e-mail address, each with its own count.
    /// `None`: it is counted for the user.
    pub login_name: Option<String>,
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

/// A counter to read.
struct Source {
    event: CountedEvent,
    login_name: Option<String>,
    key: CounterKey,
    limit: RateLimit,
}

impl LoginRateLimiter {
    /// What is counted for `user` at `now`, and for each of the user's login names. With a client IP also what is
    /// counted for that IP; other IPs cannot be listed, since the names of counters are keyed hashes.
    ///
    /// # Errors
    ///
    /// If the counters cannot be read.
    pub async fn account_counters(
        &self,
        user: &User,
        client_ip: Option<IpAddr>,
        now: Time,
    ) -> Result<Vec<AccountCounter>, StoreError> {
        let names = std::iter::once(user.username.folded().to_owned())
            .chain(user.email.clone().filter(|_| user.email_verified));
        let mut durable: Vec<Source> =
            names.clone().flat_map(|name| self.sources(&name, client_ip)).collect();
        durable.push(Source {
            event: CountedEvent::WrongCurrentPasswords,
            login_name: None,
            key: self.counter([counter_kind::PASSWORD_CHANGES_PER_USER, b"", user.id.as_bytes()]),
            limit: self.limits.per_account,
        });
        let keys: Vec<CounterKey> = durable.iter().map(|source| source.key.clone()).collect();
        let values = self.store.counters(&keys, now).await?;
        let durable = durable.into_iter().zip(values).map(|(source, value)| source.counter(value));
        let in_memory = names.filter(|_| client_ip.is_some()).map(|name| Source {
            event: CountedEvent::SuccessfulLogins,
            key: self.successes_to_account(name.as_bytes(), client_ip).counter,
            login_name: Some(name),
            limit: self.limits.successful_per_account,
        });
        let in_memory = in_memory.chain([Source {
            event: CountedEvent::PasswordChanges,
            login_name: None,
            key: self.right_password_changes(user.id).counter,
            limit: self.limits.password_changes_per_user,
        }]);
        let in_memory = in_memory.map(|source| {
            let value = self.successes.value(&source.key, now);
            source.counter(value)
        });
        Ok(durable.chain(in_memory).collect())
    }

    /// The durable counters of a login name.
    fn sources(&self, name: &str, client_ip: Option<IpAddr>) -> Vec<Source> {
        let source = |event, kind, ip: &[u8], limit| Source {
            event,
            login_name: Some(name.to_owned()),
            key: self.counter([kind, ip, name.as_bytes()]),
            limit,
        };
        let mut sources = vec![source(
            CountedEvent::FailedLogins,
            counter_kind::CONSECUTIVE_FAILURES,
            b"",
            self.limits.per_account,
        )];
        if let Some(ip) = self.client_ip_key(client_ip) {
            sources.push(source(
                CountedEvent::FailedLoginsFromIp,
                counter_kind::FAILURES_PER_ACCOUNT_AND_IP,
                &ip,
                self.limits.per_account_and_ip,
            ));
            sources.push(source(
                CountedEvent::ConsecutiveFailedLoginsFromIp,
                counter_kind::CONSECUTIVE_FAILURES_FROM_IP,
                &ip,
                self.limits.per_account_from_one_ip,
            ));
        }
        sources
    }
}

impl Source {
    fn counter(self, value: CounterValue) -> AccountCounter {
        let Self { event, login_name, limit, .. } = self;
        let resets_at = (value.count > 0).then_some(value.resets_at);
        AccountCounter { event, login_name, count: value.count, limit, resets_at }
    }
}
