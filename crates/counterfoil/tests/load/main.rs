//! The server under slow, numerous, oversized and malicious requests: well-behaved clients are still served.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bystanders;
mod file_descriptors;
mod http2_connection;
mod http2_frames;
mod incomplete_bodies;
mod login_burst;
mod one_source;
mod oversized_requests;
mod per_ip_limits;
mod silent_connections;
mod slow_clients;
mod test_server;
