//! The HTTP contract, held by a real installation on SQLite behind a real loopback socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod administration;
mod ambiguous;
mod bad_input;
mod client;
mod contract;
mod cross_site;
mod data;
mod fuzz;
mod logins;
mod logout;
mod metrics;
mod modes;
mod password;
mod refresh;
mod register;
mod site;
mod statuses;
mod suites;
mod throttle;
