//! Warnings about settings of which each is valid, and which do not work together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use counterfoil::operator::is_loopback_ip;
use counterfoil::{IssuerUrl, Settings};

use super::{Check, warn_if};
use crate::configuration::diagnostic::Diagnostic;

/// How long a new key is published beyond the time for which services cache the keys.
const PUBLICATION_MARGIN: Duration = Duration::from_secs(120);

/// The checks of this file.
pub(super) const CHECKS: &[Check] = &[
    |configuration, settings| other_address(configuration.listen, settings),
    |_, settings| {
        warn_if(
            settings.limits.max_total_body_memory < settings.limits.max_body_size,
            "max_total_body_memory",
            "a body of max_body_size does not fit, so it is always rejected with 503",
            "set it to many times max_body_size",
        )
    },
    |_, settings| {
        warn_if(
            settings.limits.max_connections_per_ip > settings.limits.max_connections,
            "max_connections_per_ip",
            "it is above max_connections, so it limits nothing",
            "set it lower than max_connections",
        )
    },
    |_, settings| {
        let publication = settings.jwks_max_age + PUBLICATION_MARGIN;
        warn_if(
            settings.signing_key_rotation_interval.is_some_and(|interval| interval < publication * 2),
            "signing_key_rotation_interval",
            "a key is rotated about as soon as services know the next one, for which they may cache the keys",
            "set it to many times jwks_max_age",
        )
    },
];

/// Warns of a plain-HTTP issuer that is not the address at which the server listens: clients find nothing there, unless a
/// proxy on this machine forwards them.
pub(crate) fn other_address(listen: SocketAddr, settings: &Settings) -> Option<Diagnostic> {
    let issuer = LoopbackAddress::of_issuer(&settings.issuer)?;
    // With port 0 the system picks a port.
    let is_other = listen.port() != 0 && !issuer.is_served_at(listen);
    let message = format!(
        "the server listens on {listen}, and the issuer {} sends clients to {}",
        settings.issuer.as_str(),
        issuer.address()
    );
    let hint = format!(
        "set listen = \"{}\", or leave the issuer out: then it follows the address; a proxy on this machine may also \
         forward the one to the other",
        issuer.address()
    );
    warn_if(is_other, "listen", &message, &hint)
}

/// The address on this machine to which a plain-HTTP issuer sends its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoopbackAddress {
    /// `None`: `localhost`, which may mean any loopback address.
    ip: Option<IpAddr>,
    port: u16,
}

impl LoopbackAddress {
    /// The address in a plain-HTTP issuer; `None` for https, whose clients may come through a proxy.
    pub(crate) fn of_issuer(issuer: &IssuerUrl) -> Option<Self> {
        let authority = issuer.as_str().strip_prefix("http://")?.split('/').next()?;
        let with_port = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = with_port.unwrap_or((authority, 80));
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        Some(Self { ip, port })
    }

    /// The address to listen on.
    pub(crate) fn address(self) -> SocketAddr {
        SocketAddr::new(self.ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), self.port)
    }

    fn is_served_at(self, listen: SocketAddr) -> bool {
        let is_same_ip = match self.ip {
            Some(ip) => listen.ip().to_canonical() == ip.to_canonical(),
            None => is_loopback_ip(listen.ip()),
        };
        listen.port() == self.port && (is_same_ip || listen.ip().is_unspecified())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::configuration::Configuration;
    use crate::configuration::warnings::warnings;

    /// The keys of the warnings about a file with this text.
    fn warned(text: &str) -> Vec<String> {
        let configuration = Configuration::from_text(Path::new("c.toml"), text);
        let settings = configuration.validate(configuration.listen).unwrap();
        warnings(&configuration, &settings).into_iter().filter_map(|warning| warning.key).collect()
    }

    #[test]
    fn an_issuer_at_another_address_than_the_listener_is_reported() {
        for (issuer, listen, is_reported) in [
            ("http://127.0.0.1:3070", "127.0.0.1:3000", true),
            ("http://127.0.0.1:3070", "127.0.0.1:3070", false),
            ("http://127.0.0.1:3070/auth", "127.0.0.1:3070", false),
            ("http://127.0.0.1", "127.0.0.1:80", false),
            ("http://127.0.0.1", "127.0.0.1:3000", true),
            ("http://localhost:3000", "127.0.0.1:3000", false),
            ("http://localhost:3000", "[::1]:3000", false),
            ("http://localhost:3001", "127.0.0.1:3000", true),
            ("http://[::1]:3000", "[::1]:3000", false),
            ("http://[::1]:3000", "127.0.0.1:3000", true),
            ("http://127.0.0.1:3070", "127.0.0.1:0", false),
            ("https://auth.example", "127.0.0.1:3000", false),
        ] {
            let text = format!("issuer = {issuer:?}\nlisten = {listen:?}\n");
            assert_eq!(warned(&text).contains(&"listen".to_owned()), is_reported, "{text}");
        }
        assert!(!warned("listen = \"127.0.0.1:3070\"\n").contains(&"listen".to_owned()));
    }

    #[test]
    fn limits_that_cannot_be_reached_are_reported() {
        for (text, key) in [
            ("max_total_body_memory = 1048576\nmax_body_size = 2097152\n", "max_total_body_memory"),
            ("max_connections = 10\nmax_connections_per_ip = 11\n", "max_connections_per_ip"),
            (
                "jwks_max_age = \"1d\"\nsigning_key_rotation_interval = \"1d\"\n",
                "signing_key_rotation_interval",
            ),
        ] {
            assert!(warned(text).contains(&key.to_owned()), "{text}: {:?}", warned(text));
            assert!(!warned("").contains(&key.to_owned()), "the defaults agree with each other");
        }
    }
}
