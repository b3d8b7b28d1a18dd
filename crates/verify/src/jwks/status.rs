//! The status of the key refresh, for readiness checks and metrics.

use std::sync::Arc;

use counterfoil_jose::Time;

use crate::jwks::error::FetchError;

/// The status of the key refresh at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JwksStatus {
    /// The number of current keys.
    pub keys: usize,
    /// When the last successful fetch started; `None` before the first one.
    pub fetched_at: Option<Time>,
    /// Until when the current keys are used; from then on every token is refused.
    pub valid_until: Option<Time>,
    /// The number of fetches, successful or not.
    pub fetches: u64,
    /// The number of failed fetches since the last successful one.
    pub consecutive_failures: u32,
    /// Why the last fetch failed; `None` if it succeeded.
    pub last_error: Option<Arc<FetchError>>,
}

impl JwksStatus {
    /// Whether tokens can be verified at `now`: for a readiness check.
    pub fn is_ready(&self, now: Time) -> bool {
        self.valid_until.is_some_and(|end| now < end)
    }
}
