//! Scenarios of the revocation feed: verifier processes, hammering clients, cut networks, crashes and reconnections.

pub mod crash;
pub mod cut_off;
pub mod fleet_wait;
pub mod follower;
pub mod hammer;
pub mod issuer;
pub mod latency;
pub mod proxy;
pub mod reconnection;
pub mod verifier;
pub mod verifier_process;
