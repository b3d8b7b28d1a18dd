//! How long a revocation takes to the last of many verifiers, and what the polls cost the nodes: a simulation with the
//! pacing of the server, for sizes that no test machine has.
//!
//! Each verifier has one poll at its node, as in `docs/feed.md`: it waits until there is a revocation, or for a third of the
//! lease. A response has all revocations that the node knows when the response is written. What a response costs is a parameter,
//! to be measured on a real server.

mod event;
mod fleet;
mod outcome;
mod parameters;

use crate::fan_out::fleet::Fleet;

pub use crate::fan_out::outcome::Outcome;
pub use crate::fan_out::parameters::Parameters;

/// Runs the simulation until all verifiers know all revocations.
pub fn run(parameters: &Parameters) -> Outcome {
    Fleet::new(parameters).run()
}
