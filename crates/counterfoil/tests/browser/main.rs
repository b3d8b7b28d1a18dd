//! Pages of other origins in a real browser: which transport works for which page, and that other pages get nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../http/client.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod client;
mod cors;
mod driver;
mod long_lived_connections;
mod pages;
#[path = "../http/test_server.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod test_server;
