//! The house from outside: opening, administering, serving and embedding, through the public door.

#![allow(clippy::unwrap_used, reason = "a test says by panicking that something is wrong")]

mod administering;
mod client;
mod embedding;
mod fleet;
mod house;
mod opening;
mod readiness;
mod rekeying;
mod serving;
mod time;
