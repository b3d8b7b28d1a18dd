//! The JSON of what the rate limits count.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::services::login_rate_limiter::AccountCounter;
use counterfoil_jose::Time;

use crate::limits::write_rate::WriteCounter;

/// What the rate limits count for an account or for a client IP, and until when they reject attempts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AccountCounter)]
#[non_exhaustive]
pub struct AccountCounterView {
    /// What is counted. For an account: `failed_logins` (consecutive, from all IPs), `failed_logins_from_ip`,
    /// `consecutive_failed_logins_from_ip`, `wrong_current_passwords`, `successful_logins` (from one IP),
    /// `password_changes`, `writes`, `refreshes`, `session_ends`, `single_session_ends`. For a client IP, to any account:
    /// `all_failed_logins_from_ip`, `all_successful_logins_from_ip`, `registrations`, `writes_from_ip`.
    pub event: String,
    /// The login name for which it is counted, or null if it is counted for the user or the client IP.
    pub login_name: Option<String>,
    /// The client IP for which it is counted (an IPv6 address stands for its network), or null for all of them together.
    #[serde(default)]
    pub client_ip: Option<String>,
    /// The events in the current window.
    pub count: u64,
    /// The most events in a window, or null without a limit.
    pub max: Option<u32>,
    /// The length of a window, in seconds.
    pub window: u64,
    /// When the current window ends, in Unix seconds, or null if nothing is counted.
    pub resets_at: Option<u64>,
    /// Until when attempts are rejected, in Unix seconds, or null. Failed logins do not close the account to IPs from
    /// which the user has logged in before.
    pub blocked_until: Option<u64>,
}

impl AccountCounterView {
    pub(crate) fn from_login_counter(counter: &AccountCounter) -> Self {
        Self {
            event: counter.event.as_str().to_owned(),
            login_name: counter.login_name.clone(),
            client_ip: counter.client_ip.map(|ip| ip.to_string()),
            count: counter.count,
            max: Some(counter.limit.max).filter(|_| !counter.limit.is_off()),
            window: counter.limit.window.as_secs(),
            resets_at: counter.resets_at.map(Time::unix_seconds),
            blocked_until: counter.blocked_until().map(Time::unix_seconds),
        }
    }

    pub(crate) fn from_write_counter(counter: &WriteCounter) -> Self {
        let WriteCounter { event, client_ip, value, limit } = counter;
        let resets_at = Some(value.resets_at.unix_seconds()).filter(|_| value.count > 0);
        Self {
            event: (*event).to_owned(),
            login_name: None,
            client_ip: client_ip.map(|ip| ip.to_string()),
            count: value.count,
            max: Some(limit.max).filter(|_| !limit.is_off()),
            window: limit.window.as_secs(),
            resets_at,
            blocked_until: resets_at.filter(|_| value.count >= limit.max.into()),
        }
    }
}
