//! The leases of this model. They are short, because each tick multiplies the number of states.

use std::time::Duration;

use counterfoil_core::services::revocation_feed::issuer_lease;

use crate::protocol::{ClockRate, Tick};

/// The lease of a node: a tick of a clock that is right.
pub(super) const NODE_LEASE: Duration = Duration::from_millis(500);
/// The lease that a node gives to verifiers by default.
pub const LEASE: Duration = Duration::from_millis(500);
/// The lease that a node with another configuration gives.
pub const LONG_LEASE: Duration = Duration::from_secs(1);

/// The first tick at which a clock that is right has counted a quarter more than `lease`.
pub(super) fn ticks_of(lease: Duration) -> Tick {
    let is_over = |tick: &Tick| ClockRate::Right.at(*tick) - ClockRate::Right.at(0) >= issuer_lease(lease);
    (0..).find(is_over).expect("a lease ends")
}
