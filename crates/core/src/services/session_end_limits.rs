//! Limits how often a user's sessions are ended from another session.
//!
//! The thief of one session could otherwise end every other one in a loop, and so keep the owner out. The owner gets out
//! of it with [`AccountService::change_password`](crate::services::account::AccountService::change_password), which needs
//! no session and which a session cannot prevent. A logout of the own session is never limited.
//!
//! The counters are durable, and are written by the commit that ends the sessions.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::UserId;

use crate::client_error::ClientError;
use crate::services::ServiceError;
use crate::services::login_rate_limiter::RateLimit;
use crate::store::{Change, CounterKey, CounterValue, Store};

/// How often one user may end sessions from another session.
///
/// ```
/// use counterfoil_core::services::session_end_limits::SessionEndLimits;
///
/// assert_eq!(SessionEndLimits::default().all.max, 12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEndLimits {
    /// Requests that end all sessions of the user, or all others.
    pub all: RateLimit,
    /// Requests that end one session of the user other than their own.
    pub other: RateLimit,
}

impl Default for SessionEndLimits {
    fn default() -> Self {
        let an_hour = |max| RateLimit { max, window: Duration::from_secs(60 * 60) };
        Self { all: an_hour(12), other: an_hour(60) }
    }
}

impl SessionEndLimits {
    /// Counts a request that ends all sessions, or all others. The change must be part of a commit that replaces the user:
    /// of two concurrent requests one then loses the race and is counted after the other.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub(in crate::services) async fn count_all(
        &self,
        store: &dyn Store,
        user: UserId,
        now: Time,
    ) -> Result<Change, ServiceError> {
        count(store, CounterKey(format!("session_ends:all:{user}")), self.all, now).await
    }

    /// Counts a request that ends one other session. Concurrent requests may be counted as one: they end what existed at
    /// one moment, as a request that ends all would, and not the next login of the owner.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`] with the time to wait.
    pub(in crate::services) async fn count_other(
        &self,
        store: &dyn Store,
        user: UserId,
        now: Time,
    ) -> Result<Change, ServiceError> {
        count(store, CounterKey(format!("session_ends:other:{user}")), self.other, now).await
    }
}

async fn count(
    store: &dyn Store,
    counter: CounterKey,
    limit: RateLimit,
    now: Time,
) -> Result<Change, ServiceError> {
    let values = store.counters(std::slice::from_ref(&counter), now).await?;
    let current = values.first().copied().filter(|value| value.count > 0);
    let CounterValue { count, resets_at } =
        current.unwrap_or(CounterValue { count: 0, resets_at: now + limit.window });
    if count >= limit.max.into() {
        return Err(ClientError::RateLimited(resets_at.since(now)).into());
    }
    Ok(Change::set_counter(counter, CounterValue { count: count + 1, resets_at }))
}
