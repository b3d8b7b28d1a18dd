//! The server under clients that are slow, many, large or hostile: whoever behaves is served.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod file_descriptors;
mod http2_connection;
mod http2_frames;
mod incomplete_bodies;
mod login_burst;
mod oversized_requests;
mod per_ip_limits;
mod slow_clients;
mod test_server;
