//! How long a revocation takes to the last of many verifiers, and what the polls cost the nodes: a simulation with the
//! pacing of the server, for sizes that no test machine has.
//!
//! Each verifier has one poll at its node, as in `docs/feed.md`: it waits until there is a revocation, or for a third of the
//! lease. A response has all revocations that the node knows when its turn comes. What a response costs is a parameter,
//! to be measured on a real server.

mod event;
mod fleet;
mod outcome;

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::fan_out::fleet::Fleet;

pub use crate::fan_out::outcome::Outcome;

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

/// Runs the simulation until all verifiers know all revocations.
pub fn run(parameters: &Parameters) -> Outcome {
    Fleet::new(parameters).run()
}
