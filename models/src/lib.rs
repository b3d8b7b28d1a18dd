//! The protocol of the revocation feed and of several nodes, checked as models ([`protocol`], [`nodes`], [`session_caches`]), its
//! code, simulated ([`simulation`]), and its cost for many verifiers ([`fan_out`]).
//!
//! The tests show that no verifier accepts a credential after its revocation is in force, and that each rule of the
//! protocol is needed for that. The page `docs/revocation.md` explains them. No other crate uses this one.

pub mod fan_out;
pub mod nodes;
pub mod protocol;
pub mod session_caches;
pub mod simulation;
