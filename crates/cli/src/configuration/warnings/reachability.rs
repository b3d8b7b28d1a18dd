//! Warnings about an issuer on loopback at which clients do not reach the server.

use std::net::{IpAddr, SocketAddr};

use counterfoil::Settings;
use counterfoil::operator::is_localhost_name;

use super::Check;
use crate::configuration::diagnostic::Diagnostic;
use crate::listeners::counterpart;

/// The checks of this file.
pub(super) const CHECKS: &[Check] =
    &[|configuration, settings| unreachable_issuer(configuration.listen, settings)];

/// Warns of an issuer on plain HTTP and loopback whose host or port is not that of the listener: links in the metadata, and
/// services that fetch the keys, lead nowhere. With https a proxy or a container may map the one to the other.
pub(crate) fn unreachable_issuer(listen: SocketAddr, settings: &Settings) -> Option<Diagnostic> {
    let issuer = &settings.issuer;
    // With port 0 the port is not known yet.
    if issuer.is_secure() || !issuer.is_loopback() || listen.port() == 0 {
        return None;
    }
    let reaches = |ip: IpAddr| ip == listen.ip() || listen.ip().is_unspecified();
    let is_host_right = match issuer.host().trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => reaches(ip),
        // The server listens at both addresses that the name can mean.
        Err(_) => is_localhost_name(issuer.host()) && counterpart(listen).is_some(),
    };
    if is_host_right && issuer.port() == listen.port() {
        return None;
    }
    let message =
        format!("clients of the issuer {issuer} do not reach this server, which listens on {listen}");
    let hint = format!(
        "set listen = \"{}\" or the issuer http://{listen}, unless something forwards the one to the other",
        wanted_address(settings, listen)
    );
    Some(Diagnostic::combination("listen", message, &hint))
}

/// The address that clients of the issuer use.
fn wanted_address(settings: &Settings, listen: SocketAddr) -> SocketAddr {
    let ip = settings.issuer.host().trim_matches(['[', ']']).parse();
    let for_name = if counterpart(listen).is_some() { listen.ip() } else { IpAddr::from([127, 0, 0, 1]) };
    SocketAddr::new(ip.unwrap_or(for_name), settings.issuer.port())
}

#[cfg(test)]
mod tests {
    use counterfoil::StoreUrl;

    use super::*;

    fn hint(issuer: &str, listen: &str) -> Option<String> {
        let settings = Settings::new(issuer.parse().unwrap(), StoreUrl::Sqlite("auth.db".into()));
        unreachable_issuer(listen.parse().unwrap(), &settings)?.hint
    }

    #[test]
    fn an_issuer_that_the_listener_does_not_serve_is_reported() {
        for (issuer, listen, right) in [
            ("http://127.0.0.1:3070", "127.0.0.1:3000", "127.0.0.1:3070"),
            ("http://localhost:3001", "127.0.0.1:3000", "127.0.0.1:3001"),
            ("http://localhost", "[::1]:3000", "[::1]:80"),
            ("http://[::1]:3000", "127.0.0.1:3000", "[::1]:3000"),
            ("http://127.0.0.1:3000", "[::1]:3000", "127.0.0.1:3000"),
            ("http://app.localhost:3000", "127.0.0.2:3000", "127.0.0.1:3000"),
        ] {
            let hint = hint(issuer, listen).unwrap_or_else(|| panic!("{issuer} {listen}"));
            assert!(hint.contains(&format!("\"{right}\"")), "{issuer} {listen}: {hint}");
        }
    }

    #[test]
    fn an_issuer_that_is_the_listener_or_behind_a_proxy_is_right() {
        for (issuer, listen) in [
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://localhost:3000", "127.0.0.1:3000"),
            ("http://app.localhost:3000", "[::1]:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
            ("http://localhost:3000", "127.0.0.1:0"),
            ("https://auth.example", "127.0.0.1:3000"),
            ("https://localhost", "127.0.0.1:3000"),
        ] {
            assert_eq!(hint(issuer, listen), None, "{issuer} {listen}");
        }
    }
}
