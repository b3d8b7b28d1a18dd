//! The protocol of the revocation feed, checked as a model ([`protocol`]), and its code, simulated ([`simulation`]).
//!
//! The tests show that no verifier accepts a credential after its revocation is in force, and that each rule of the
//! protocol is needed for that. The page `docs/revocation.md` explains them. No other crate uses this one.

pub mod nodes;
pub mod protocol;
pub mod session_caches;
pub mod simulation;
