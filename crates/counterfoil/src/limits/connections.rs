//! Limits the number of open connections: in total and per client IP.

use std::net::IpAddr;

use counterfoil_core::services::login_rate_limiter::client_ip_key;

use crate::limits::quota::{Permit, Quota};
use crate::settings::ip_network::Network;
use crate::settings::loopback::is_loopback_ip;
use crate::settings::{Limits, Settings};

/// The number of connections that may be open.
///
/// The limit per client IP prevents one client from using all connections. It does not apply to trusted
/// proxies, which carry the connections of many clients, and not to loopback, where the peer is a proxy or
/// the operator.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimiter {
    quota: Quota,
    ipv6_prefix: u8,
    trusted_proxies: Vec<Network>,
}

impl ConnectionLimiter {
    /// Uses the connection limits in `limits`, at least one connection each.
    pub(crate) fn new(limits: Limits, ipv6_prefix: u8, trusted_proxies: Vec<Network>) -> Self {
        let quota = Quota::new(limits.max_connections.max(1), limits.max_connections_per_ip.max(1));
        Self { quota, ipv6_prefix, trusted_proxies }
    }

    /// Uses the connection limits in `settings`.
    pub(crate) fn for_settings(settings: &Settings) -> Self {
        Self::new(settings.limits, settings.rate_limits.ipv6_prefix, settings.trusted_proxies.clone())
    }

    /// A permit for one connection from `peer`, or `None` if a limit is reached. Drop it when the connection
    /// ends.
    pub(crate) fn acquire(&self, peer: IpAddr) -> Option<Permit> {
        let ip = self.is_limited_per_ip(peer).then(|| client_ip_key(peer, self.ipv6_prefix));
        self.quota.acquire(ip, 1).ok()
    }

    fn is_limited_per_ip(&self, peer: IpAddr) -> bool {
        !is_loopback_ip(peer) && !self.trusted_proxies.iter().any(|proxy| proxy.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(max_connections: usize, max_connections_per_ip: usize) -> ConnectionLimiter {
        let defaults = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        ConnectionLimiter::for_settings(&Settings {
            limits: Limits { max_connections, max_connections_per_ip, ..Limits::default() },
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..defaults
        })
    }

    fn acquire(limiter: &ConnectionLimiter, peer: &str) -> Option<Permit> {
        limiter.acquire(peer.parse().unwrap())
    }

    #[test]
    fn one_ip_reaches_its_limit_and_others_still_connect() {
        let limiter = limiter(10, 2);
        let first = acquire(&limiter, "192.0.2.1");
        let _second = acquire(&limiter, "::ffff:192.0.2.1").unwrap();

        assert!(acquire(&limiter, "192.0.2.1").is_none(), "the limit per IP is two");
        let _other = acquire(&limiter, "192.0.2.2").unwrap();
        drop(first);
        assert!(acquire(&limiter, "192.0.2.1").is_some(), "a dropped permit is available again");
    }

    #[test]
    fn one_ipv6_network_shares_one_limit() {
        let limiter = limiter(10, 1);
        let _permit = acquire(&limiter, "2001:db8:1:2::1").unwrap();

        assert!(acquire(&limiter, "2001:db8:1:2:ffff::9").is_none());
        assert!(acquire(&limiter, "2001:db8:1:3::1").is_some());
    }

    #[test]
    fn trusted_proxies_and_loopback_have_only_the_total_limit() {
        let limiter = limiter(6, 1);
        let peers = ["10.1.2.3", "10.1.2.3", "127.0.0.1", "127.0.0.1", "::1", "::ffff:127.0.0.1"];
        let permits: Vec<_> = peers.map(|peer| acquire(&limiter, peer).unwrap()).into_iter().collect();

        assert!(acquire(&limiter, "10.1.2.3").is_none() && acquire(&limiter, "192.0.2.1").is_none());
        drop(permits);
        assert!(acquire(&limiter, "192.0.2.1").is_some());
    }
}
