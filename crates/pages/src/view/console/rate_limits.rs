//! What the rate limits count for an account or an address.

use serde::Serialize;

use crate::view::View;
use crate::view::console::CounterRow;

/// The counters of one account, one address, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RateLimitsView {
    /// The login name that was asked for.
    pub username: String,
    /// The address that was asked for.
    pub ip: String,
    /// What is counted; `None` if nothing was asked for.
    pub counters: Option<Vec<CounterRow>>,
    /// The path of the question before the counters are reset.
    pub release: String,
    /// What is wrong with the name or the address.
    pub error: Option<String>,
}

impl View for RateLimitsView {
    const TEMPLATE: &'static str = "console/rate_limits.html";
}
