//! The shared cache on real Redis servers, which the tests start.

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

mod all_stores;
mod attacker;
mod cluster;
mod conformance;
mod faults;
mod fixture;
mod memory;
mod nodes;
mod random_histories;
mod sentinel;
mod tls;
mod url_file;
