//! The size and the costs of what is simulated.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// The nodes; the verifiers are distributed evenly over them.
    pub nodes: usize,
    /// The cores of a node that answer polls.
    pub cores: usize,
    /// The processes that follow the feed.
    pub verifiers: usize,
    /// Revocations of the whole installation in a second, at random times.
    pub revocations_per_second: u64,
    /// The lease. A poll waits for a third of it.
    pub lease: Duration,
    /// The setting `feed.polls_per_instance`.
    pub polls_per_instance: RateLimit,
    /// The processor time of one response.
    pub response_cost: Duration,
    /// The time from a commit until a node has read it from the log: the shortest and the longest.
    pub node_delay: (Duration, Duration),
    /// The time of a message between a node and a verifier: the shortest and the longest.
    pub network_delay: (Duration, Duration),
    /// The simulated time in which revocations are published.
    pub duration: Duration,
    /// It repeats the run.
    pub seed: u64,
}
