//! How following an issuer stands, for readiness and metrics.

use std::sync::Arc;

use counterfoil_jose::Time;

use crate::jwks::error::FetchError;

/// How following an issuer stands at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JwksStatus {
    /// How many keys there are to verify with.
    pub keys: usize,
    /// When the last fetch that brought keys had begun; `None` if none ever did.
    pub fetched_at: Option<Time>,
    /// Until when these keys are believed; from then on nobody is let in.
    pub valid_until: Option<Time>,
    /// How many times keys were fetched, in vain or not.
    pub fetches: u64,
    /// How many fetches have failed since the last one that did not.
    pub consecutive_failures: u32,
    /// Why the last fetch failed; `None` if it did not.
    pub last_error: Option<Arc<FetchError>>,
}

impl JwksStatus {
    /// Whether tokens can be judged at `now`: what readiness asks.
    pub fn is_ready(&self, now: Time) -> bool {
        self.valid_until.is_some_and(|end| now < end)
    }
}
