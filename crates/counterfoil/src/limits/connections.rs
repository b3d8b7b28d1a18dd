//! How many connections there may be at a time: in all, and from one source.

use std::net::IpAddr;

use counterfoil_core::services::login_rate_limiter::source_of;

use crate::limits::quota::{Share, Shares};
use crate::settings::Settings;
use crate::settings::ip_network::Network;

/// The places that there are.
///
/// One source gets a part of them, so that nobody takes them all. A trusted proxy brings everybody's connections,
/// and whoever is on this machine is a proxy or its operator: both have as many as there are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    shares: Shares,
    ipv6_prefix: u8,
    proxies: Vec<Network>,
}

impl Places {
    /// As many as these settings allow, and at least one.
    pub(crate) fn new(settings: &Settings) -> Self {
        let limits = settings.limits;
        Self {
            shares: Shares::new(limits.max_connections.max(1), limits.max_connections_per_ip.max(1)),
            ipv6_prefix: settings.rate_limits.ipv6_prefix,
            proxies: settings.trusted_proxies.clone(),
        }
    }

    /// A place for somebody from `peer`, if there is one; it is left when it is dropped.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<Share> {
        let source = self.is_bounded(peer).then(|| source_of(peer, self.ipv6_prefix));
        self.shares.take(source, 1).ok()
    }

    fn is_bounded(&self, peer: IpAddr) -> bool {
        let is_here = peer.to_canonical().is_loopback();
        !is_here && !self.proxies.iter().any(|proxy| proxy.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Limits;

    fn places(connections: usize, connections_of_source: usize) -> Places {
        let plain = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        Places::new(&Settings {
            limits: Limits {
                max_connections: connections,
                max_connections_per_ip: connections_of_source,
                ..Limits::default()
            },
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..plain
        })
    }

    fn take(places: &Places, peer: &str) -> Option<Share> {
        places.take(peer.parse().unwrap())
    }

    #[test]
    fn one_source_takes_its_part_and_others_are_let_in() {
        let places = places(10, 2);
        let first = take(&places, "192.0.2.1");
        let _second = take(&places, "::ffff:192.0.2.1").unwrap();

        assert!(take(&places, "192.0.2.1").is_none(), "two are its part");
        let _other = take(&places, "192.0.2.2").unwrap();
        drop(first);
        assert!(take(&places, "192.0.2.1").is_some(), "a place that is left is free again");
    }

    #[test]
    fn one_network_of_ipv6_is_one_source() {
        let places = places(10, 1);
        let _one = take(&places, "2001:db8:1:2::1").unwrap();

        assert!(take(&places, "2001:db8:1:2:ffff::9").is_none());
        assert!(take(&places, "2001:db8:1:3::1").is_some());
    }

    #[test]
    fn proxies_and_this_machine_bring_everybody_until_all_places_are_taken() {
        let places = places(6, 1);
        let peers = ["10.1.2.3", "10.1.2.3", "127.0.0.1", "127.0.0.1", "::1", "::ffff:127.0.0.1"];
        let held: Vec<_> = peers.map(|peer| take(&places, peer).unwrap()).into_iter().collect();

        assert!(take(&places, "10.1.2.3").is_none() && take(&places, "192.0.2.1").is_none());
        drop(held);
        assert!(take(&places, "192.0.2.1").is_some());
    }
}
