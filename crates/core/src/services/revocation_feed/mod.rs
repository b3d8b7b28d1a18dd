//! The revocation feed: what decides which entries a verifier gets, how long it may be fresh, and when a revocation is in
//! force everywhere. Nothing here waits, locks or reads a clock: positions and times go in, values come out.

mod confirmations;
mod fleet_wait;
mod introspection_leases;
mod leases;
mod node_observer;
mod pacing;
mod verifier_position;

pub use confirmations::Confirmations;
pub use fleet_wait::{FleetProgress, FleetWait};
pub use introspection_leases::{INTROSPECTION_LEASE, IntrospectionLeases};
pub use leases::{Arrival, ArrivedPoll, Follower, Instance, LeaseTable, issuer_lease};
pub use node_observer::{NodeObserver, NodeProgress};
pub use pacing::next_slot;
pub use verifier_position::{LogState, SnapshotReason, Start, VerifierPosition};
