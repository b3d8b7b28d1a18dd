//! Limits of requests and connections.

use std::time::Duration;

/// Limits of requests and connections.
///
/// ```
/// use counterfoil::Limits;
///
/// let limits = Limits::default().with(|limits| limits.max_connections = 1_000);
/// assert_eq!(limits.max_body_size, 64 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of a request body, in bytes.
    pub max_body_size: usize,
    /// Maximum size of all headers of a request, in bytes; at least 8 KiB.
    pub max_header_size: usize,
    /// How long a client may take to send the headers.
    pub header_timeout: Duration,
    /// How long a request may take in all.
    pub request_timeout: Duration,
    /// How long an HTTP/2 connection may be idle; it is closed at most a quarter later. An HTTP/1.1
    /// connection waits for its next request no longer than `header_timeout`.
    pub idle_timeout: Duration,
    /// Maximum number of connections, as far as the process may open files. For one more, the server closes a
    /// connection without a request in progress, of the client IP that has the most; without one, the new connection
    /// is closed.
    pub max_connections: usize,
    /// Maximum number of connections of one client IP (IPv6: of one network). Trusted proxies and loopback
    /// are exempt.
    pub max_connections_per_ip: usize,
    /// Maximum number of connections of one client IP that have sent no request yet, TLS handshakes included; for one
    /// more, the oldest of them is closed. Trusted proxies are exempt, loopback is not.
    pub max_pending_connections_per_ip: usize,
    /// Maximum memory of all request bodies that are being read, in bytes; more are rejected with 503.
    pub max_total_body_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_size: 64 * 1024,
            max_header_size: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            max_connections: 10_000,
            max_connections_per_ip: 1_000,
            max_pending_connections_per_ip: 200,
            max_total_body_memory: 128 << 20,
        }
    }
}

impl Limits {
    /// The same limits after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
