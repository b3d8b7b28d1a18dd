//! How many connections there may be at a time: in all, and from one source.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use counterfoil_core::policy::throttle::source_of;

use crate::network::Network;
use crate::settings::Settings;

/// Whom a connection comes from, as the throttle sees it too.
pub(crate) type Source = [u8; 17];

/// The places that there are.
///
/// One source gets a part of them, so that nobody takes them all. A trusted proxy brings everybody's connections,
/// and whoever is on this machine is a proxy or its operator: both have as many as there are.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Bounds>);

#[derive(Debug)]
struct Bounds {
    most: usize,
    most_of_source: usize,
    ipv6_prefix: u8,
    proxies: Vec<Network>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Source, usize>,
}

/// A place that somebody has, until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Place {
    bounds: Arc<Bounds>,
    source: Option<Source>,
}

impl Places {
    /// As many as these settings allow, and at least one.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self(Arc::new(Bounds {
            most: settings.limits.connections.max(1),
            most_of_source: settings.limits.connections_of_source.max(1),
            ipv6_prefix: settings.throttle.ipv6_prefix,
            proxies: settings.trusted_proxies.clone(),
            taken: Mutex::default(),
        }))
    }

    /// A place for somebody from `peer`, if there is one.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<Place> {
        let bounds = &self.0;
        let source = bounds.is_bounded(peer).then(|| source_of(peer, bounds.ipv6_prefix));
        let mut taken = bounds.taken();
        if taken.all >= bounds.most {
            return None;
        }
        if let Some(source) = source {
            let of_source = taken.of.entry(source).or_default();
            if *of_source >= bounds.most_of_source {
                return None;
            }
            *of_source += 1;
        }
        taken.all += 1;
        Some(Place { bounds: Arc::clone(bounds), source })
    }
}

impl Bounds {
    fn is_bounded(&self, peer: IpAddr) -> bool {
        let is_here = peer.to_canonical().is_loopback();
        !is_here && !self.proxies.iter().any(|proxy| proxy.contains(peer))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counters that are whole after each statement.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.bounds.taken();
        taken.all -= 1;
        if let Some(source) = self.source
            && let Some(of_source) = taken.of.get_mut(&source)
        {
            *of_source -= 1;
            // Who is gone takes no memory.
            if *of_source == 0 {
                taken.of.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Limits;

    fn places(connections: usize, connections_of_source: usize) -> Places {
        let plain = Settings::new("https://auth.example".parse().unwrap(), "sqlite:a.db".parse().unwrap());
        Places::new(&Settings {
            limits: Limits { connections, connections_of_source, ..Limits::default() },
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..plain
        })
    }

    fn take(places: &Places, peer: &str) -> Option<Place> {
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

    #[test]
    fn who_is_gone_is_not_remembered() {
        let places = places(1000, 2);
        for number in 0..=255_u8 {
            drop(places.take(IpAddr::from([192, 0, 2, number])));
        }

        let taken = places.0.taken();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }
}
