//! What a run has shown.

use std::fmt;
use std::time::Duration;

/// The figures of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The revocations that were published.
    pub revocations: usize,
    /// From a commit until the last verifier refuses: the median over the revocations.
    pub last_verifier_median: Duration,
    /// The 99th percentile of the same.
    pub last_verifier_p99: Duration,
    /// Responses of one node in a second.
    pub responses_per_node_and_second: f64,
    /// The share of the cores of a node that the responses use.
    pub processor_share: f64,
}

impl Outcome {
    /// From the time that each revocation took to its last verifier, and the number of all responses.
    pub(super) fn new(
        mut delays: Vec<Duration>,
        responses: u64,
        elapsed: Duration,
        nodes: usize,
        busy: f64,
    ) -> Self {
        delays.sort_unstable();
        let at = |per_cent: usize| {
            let index = (delays.len() * per_cent / 100).min(delays.len().saturating_sub(1));
            delays.get(index).copied().unwrap_or_default()
        };
        Self {
            revocations: delays.len(),
            last_verifier_median: at(50),
            last_verifier_p99: at(99),
            responses_per_node_and_second: responses as f64 / elapsed.as_secs_f64() / nodes as f64,
            processor_share: busy,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} revocations, last verifier after {:.0} ms (median), {:.0} ms (99 %), {:.0} responses a second and node, {:.0} % \
             of its cores",
            self.revocations,
            self.last_verifier_median.as_secs_f64() * 1e3,
            self.last_verifier_p99.as_secs_f64() * 1e3,
            self.responses_per_node_and_second,
            self.processor_share * 1e2,
        )
    }
}
