//! Settings of forward authentication.

use std::time::Duration;

use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::settings::guarded_host::GuardedHost;
use crate::settings::ip_network::Network;

/// Which proxies may ask whether a request is authenticated, and for which hosts.
///
/// ```
/// use counterfoil::ForwardAuthSettings;
///
/// let settings = ForwardAuthSettings::default().with(|settings| {
///     settings.hosts = vec!["app.example".parse().unwrap()];
/// });
/// assert!(settings.proxies[0].contains("127.0.0.1".parse().unwrap()));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ForwardAuthSettings {
    /// The hosts of guarded applications, beside the host of the issuer.
    pub hosts: Vec<GuardedHost>,
    /// The networks of the proxies; loopback by default. What another peer says about a request is not believed.
    pub proxies: Vec<Network>,
    /// Whether the application gets a signed statement about the user, the header `Remote-Assertion`.
    pub assertion: bool,
    /// Requests of one client IP. They are counted only if the proxy is one of
    /// [`trusted_proxies`](crate::Settings::trusted_proxies): otherwise all clients would share the limit.
    pub per_ip: RateLimit,
}

/// Two guarded hosts differ only by their port, which cookies ignore: each application would get the logins of the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the guarded hosts {one} and {other} share their cookies, because browsers ignore the port")]
pub struct GuardedHostsError {
    one: GuardedHost,
    other: GuardedHost,
}

impl ForwardAuthSettings {
    /// The same settings after `change`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Refuses hosts of which browsers send the cookies of one to the other.
    ///
    /// # Errors
    ///
    /// The first two of them.
    pub(crate) fn check_hosts(&self) -> Result<(), GuardedHostsError> {
        for (place, one) in self.hosts.iter().enumerate() {
            if let Some(other) = self.hosts[place..].iter().find(|other| one.shares_cookies_with(other)) {
                return Err(GuardedHostsError { one: one.clone(), other: other.clone() });
            }
        }
        Ok(())
    }

    /// Whether the address is that of a proxy.
    pub(crate) fn is_proxy(&self, ip: std::net::IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.proxies.iter().any(|network| network.contains(ip))
    }
}

impl Default for ForwardAuthSettings {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1"];
        Self {
            hosts: Vec::new(),
            proxies: loopback.iter().filter_map(|network| network.parse().ok()).collect(),
            assertion: false,
            per_ip: RateLimit { max: 2_000, window: Duration::from_secs(1) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_a_proxy_by_default() {
        let settings = ForwardAuthSettings::default();

        for proxy in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(settings.is_proxy(proxy.parse().unwrap()), "{proxy}");
        }
        for other in ["10.0.0.1", "192.0.2.1", "::2", "0.0.0.0"] {
            assert!(!settings.is_proxy(other.parse().unwrap()), "{other}");
        }
    }
}
