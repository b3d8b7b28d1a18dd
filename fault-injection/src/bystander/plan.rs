//! What a row runs against, how long, and within which bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The server under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// The address of the API.
    pub address: SocketAddr,
    /// The address of `/metrics`.
    pub metrics: SocketAddr,
    /// The admin socket.
    pub admin_socket: PathBuf,
    /// An admin key.
    pub admin_key: String,
    /// A verifier key.
    pub verifier_key: String,
}

/// How long each row takes, and what the bystander must not exceed.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The length of each row.
    pub duration: Duration,
    /// The time between two logins of the bystander. Its logins are limited, as those of any user.
    pub login_interval: Duration,
    /// The bound for the 99th percentile of a connect with its first response, of `/v1/me`, and of a request to the
    /// listener that a row is about.
    pub max_latency: Duration,
    /// The bound for the 99th percentile of a login.
    pub max_login_latency: Duration,
}
