//! The house from outside: opening, administering, serving and embedding, through the public door.

#![allow(clippy::unwrap_used, reason = "a test says by panicking that something is wrong")]

mod admin_commands;
mod client;
mod clock_jumps;
mod embedding;
mod fixture;
mod master_key_replacement;
mod readiness;
mod remote_verifiers;
mod request_limits;
mod startup;
