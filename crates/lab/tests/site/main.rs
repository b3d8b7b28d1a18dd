//! The pages of the lab over real sockets: a lab is made, played and removed, and other sites get nothing.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod choices;
mod fixture;
mod labs;
mod measurements;
mod programs;
mod tokens;
