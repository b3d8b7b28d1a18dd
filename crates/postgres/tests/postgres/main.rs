//! The PostgreSQL store on a real server, which most of these tests share.

#![allow(clippy::unwrap_used, reason = "a failed step must fail the test")]

mod conformance;
mod cutting_proxy;
mod failover;
mod fixture;
mod interruptions;
mod nodes;
mod open;
mod pooler;
mod start;
mod tls;
mod waiting;
