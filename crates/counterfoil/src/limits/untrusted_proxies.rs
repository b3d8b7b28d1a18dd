//! Detects a proxy that `trusted_proxies` does not name: many users log in from one address.
//!
//! Its address then stands for all its clients. They share the rate limits, so that one of them can have the logins of the
//! others refused, and the audit log has no client IPs.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use counterfoil_verify::UserId;

/// How often one address is reported, and how long its users are counted.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// From how many users an address is taken for a proxy. A household has fewer.
const MIN_USERS: usize = 10;

/// The most addresses that are counted within [`INTERVAL`]. Further ones are not detected.
const MAX_PEERS: usize = 1024;

/// How a request came from an address that is no trusted proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// With `X-Forwarded-For` or `Forwarded`: a proxy added it, or a client sent it.
    Header,
    /// Without, from the network of the server, where the TLS proxy of the issuer is: it passes no client IP on.
    OwnNetwork,
    /// Without, from elsewhere: the users of one office or mobile network, which the server cannot tell apart.
    None,
}

/// The users that logged in from each address.
#[derive(Debug)]
pub(crate) struct UntrustedProxies(Mutex<Counted>);

#[derive(Debug)]
struct Counted {
    since: Instant,
    peers: HashMap<IpAddr, Peer>,
}

#[derive(Debug, Default)]
struct Peer {
    users: HashSet<UserId>,
    is_reported: bool,
}

impl UntrustedProxies {
    /// Counts from `now` on.
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Counted { since: now, peers: HashMap::new() }))
    }

    /// Counts a successful login or refresh of `user` from `peer`, and logs a warning if the address must be a proxy.
    pub(crate) fn record(&self, peer: IpAddr, user: UserId, forwarding: Forwarding, now: Instant) {
        if !self.is_newly_detected(peer, user, forwarding, now) {
            return;
        }
        let hint = match forwarding {
            Forwarding::Header => "if it is your proxy, add it to trusted_proxies",
            Forwarding::OwnNetwork | Forwarding::None => {
                "if it is your proxy, add it to trusted_proxies and have it set X-Forwarded-For (or Forwarded)"
            }
        };
        tracing::warn!(
            %peer,
            users = MIN_USERS,
            hint,
            "many users have one IP address that is not a trusted proxy: they share one rate limit, and the audit log has \
             no client IPs"
        );
    }

    /// Whether `user` is the one from which on `peer` is taken for a proxy, for the first time within [`INTERVAL`].
    fn is_newly_detected(&self, peer: IpAddr, user: UserId, forwarding: Forwarding, now: Instant) -> bool {
        if forwarding == Forwarding::None {
            return false;
        }
        // A panic while it was locked leaves nothing inconsistent behind.
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(counted.since) >= INTERVAL {
            *counted = Counted { since: now, peers: HashMap::new() };
        }
        if counted.peers.len() >= MAX_PEERS && !counted.peers.contains_key(&peer) {
            return false;
        }
        let found = counted.peers.entry(peer).or_default();
        if found.is_reported {
            return false;
        }
        found.users.insert(user);
        found.is_reported = found.users.len() >= MIN_USERS;
        if found.is_reported {
            found.users = HashSet::new();
        }
        found.is_reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    fn user(number: usize) -> UserId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        UserId::from_bytes(id)
    }

    /// The numbers of the users at whom the address was detected.
    fn detected(
        proxies: &UntrustedProxies,
        users: impl Iterator<Item = usize>,
        forwarding: Forwarding,
        now: Instant,
    ) -> Vec<usize> {
        users.filter(|number| proxies.is_newly_detected(PROXY, user(*number), forwarding, now)).collect()
    }

    #[test]
    fn an_address_with_many_users_is_reported_once_in_each_interval() {
        let start = Instant::now();
        for forwarding in [Forwarding::Header, Forwarding::OwnNetwork] {
            let proxies = UntrustedProxies::new(start);

            assert_eq!(detected(&proxies, 0..100, forwarding, start), [MIN_USERS - 1]);
            let later = start + INTERVAL;
            assert_eq!(detected(&proxies, 0..100, forwarding, later), [MIN_USERS - 1]);
        }
    }

    #[test]
    fn few_users_or_users_of_a_foreign_network_are_no_proxy() {
        let start = Instant::now();
        let proxies = UntrustedProxies::new(start);
        let few = (0..1000).map(|number| number % (MIN_USERS - 1));

        assert!(detected(&proxies, few, Forwarding::Header, start).is_empty());
        assert!(detected(&proxies, 0..1000, Forwarding::None, start).is_empty());
    }

    #[test]
    fn the_number_of_counted_addresses_is_bounded() {
        let start = Instant::now();
        let proxies = UntrustedProxies::new(start);
        for number in 0..u32::try_from(2 * MAX_PEERS).unwrap() {
            let peer = IpAddr::V4(number.into());
            proxies.is_newly_detected(peer, user(0), Forwarding::Header, start);
        }

        assert_eq!(proxies.0.lock().unwrap().peers.len(), MAX_PEERS);
    }
}
