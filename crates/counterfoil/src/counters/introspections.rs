//! Results of introspections.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// The label `result`. Its value is always a constant.
type Label = [(&'static str, &'static str); 1];

/// How an introspection was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IntrospectionResult {
    /// The token is active.
    Active,
    /// It is not.
    Inactive,
    /// The caller did not authenticate.
    InvalidClient,
    /// The key or the client IP is at its rate limit.
    RateLimited,
}

impl IntrospectionResult {
    const ALL: [Self; 4] = [Self::Active, Self::Inactive, Self::InvalidClient, Self::RateLimited];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::InvalidClient => "invalid_client",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// Introspections since the start, by result.
#[derive(Debug)]
pub(crate) struct Introspections {
    pub(crate) requests: Family<Label, Counter>,
}

impl Default for Introspections {
    fn default() -> Self {
        let requests: Family<Label, Counter> = Family::default();
        // Every series starts at zero, so that a rate can be computed from the first one on.
        for result in IntrospectionResult::ALL {
            let _ = requests.get_or_create(&[("result", result.as_str())]);
        }
        Self { requests }
    }
}

impl Introspections {
    /// Counts an introspection.
    pub(crate) fn record(&self, result: IntrospectionResult) {
        self.requests.get_or_create(&[("result", result.as_str())]).inc();
    }
}
