//! Warnings about what others can reach or read: addresses, proxies, origins, files.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use counterfoil::operator::{is_loopback_host, is_loopback_ip};
use counterfoil::{CacheUrl, Network, Registration, Settings};

use super::{Check, warn_if};
use crate::configuration::diagnostic::Diagnostic;

/// The checks of this file.
pub(super) const CHECKS: &[Check] = &[
    |configuration, settings| unnamed_proxy(configuration.listen.ip(), settings),
    |_, settings| {
        warn_if(
            !settings.issuer.is_secure(),
            "issuer",
            "it is plain HTTP: cookies are not Secure, and credentials are sent unencrypted",
            "use it on this machine only; set an https issuer for production",
        )
    },
    |configuration, settings| {
        warn_if(
            settings.tls.is_none() && !is_loopback_ip(configuration.listen.ip()),
            "listen",
            "it is plain HTTP beyond loopback: passwords can be read on the network behind the proxy",
            "set certificate and key in the table [tls], or listen where only the proxy can connect",
        )
    },
    |configuration, _| {
        warn_if(
            configuration.metrics_listen.is_some_and(|address| !is_loopback_ip(address.ip())),
            "metrics.listen",
            "metrics are served beyond loopback without encryption and authentication",
            "listen on loopback, or on a network that only monitoring can reach",
        )
    },
    |_, settings| {
        let is_remote = |host: &str| !is_loopback_host(host.rsplit_once(':').map_or(host, |(host, _)| host));
        let is_open = |cache: &CacheUrl| !cache.uses_tls() && cache.hosts().any(is_remote);
        warn_if(
            settings.cache.as_ref().is_some_and(is_open),
            "cache",
            "the names, roles and e-mail addresses of logged-in users are sent to the cache unencrypted",
            "use rediss://, or a network that only the servers can reach",
        )
    },
    |configuration, settings| {
        let is_public = settings.issuer.is_secure() || !is_loopback_ip(configuration.listen.ip());
        warn_if(
            settings.registration == Registration::Open && is_public,
            "registration",
            "anyone can register",
            "set registration = \"closed\", unless the service is meant to be open",
        )
    },
    |_, settings| {
        warn_if(
            settings.trusted_origins.iter().any(|origin| is_remote_http(origin.as_str())),
            "trusted_origins",
            "a page that is loaded over plain HTTP can be changed by an attacker on the network",
            "trust https origins only",
        )
    },
    |_, settings| {
        warn_if(
            settings.trusted_proxies.iter().any(Network::contains_every_address),
            "trusted_proxies",
            "every client can choose its own IP address, and so evade the rate limits",
            "list the networks of your proxies only",
        )
    },
    |configuration, _| {
        warn_if(
            configuration.file.as_deref().is_some_and(|file| has_mode(file, 0o022)),
            "config",
            "other users can write the configuration file, and so weaken the server",
            "chmod go-w it",
        )
    },
    |_, settings| {
        warn_if(
            settings.data_dir.as_deref().is_some_and(|dir| has_mode(dir, 0o077)),
            "data_dir",
            "other users can read it",
            "chmod 700 it",
        )
    },
];

/// Warns of a TLS proxy that is not trusted: an https issuer on a plain listener is behind one, and its
/// address then stands for all clients.
pub(crate) fn unnamed_proxy(listen: IpAddr, settings: &Settings) -> Option<Diagnostic> {
    let is_behind_proxy = settings.issuer.is_secure() && settings.tls.is_none();
    let hint = match is_loopback_ip(listen) {
        true => {
            "set trusted_proxies = [\"127.0.0.0/8\", \"::1\"], and have the proxy set X-Forwarded-For (or Forwarded)"
        }
        false => "add the address of the proxy, and have the proxy set X-Forwarded-For (or Forwarded)",
    };
    warn_if(
        is_behind_proxy && settings.trusted_proxies.is_empty(),
        "trusted_proxies",
        "the TLS proxy is not trusted, so all clients have its IP address: they share one rate limit, and the audit \
         log has no client IPs",
        hint,
    )
}

/// Whether an origin is plain HTTP and not on this machine.
fn is_remote_http(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else { return false };
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| match port.parse::<u16>() {
        Ok(_) => host,
        Err(_) => authority,
    });
    !is_loopback_host(host)
}

/// Whether a file has one of these permission bits.
fn has_mode(file: &Path, mask: u32) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & mask != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_origins_of_other_machines_are_weak() {
        for (origin, is_weak) in [
            ("http://shop.example", true),
            ("http://shop.example:8080", true),
            ("http://localhost.example", true),
            ("https://shop.example", false),
            ("http://localhost:8080", false),
            ("http://127.0.0.1", false),
            ("http://[::1]:80", false),
            ("http://[::1]", false),
        ] {
            assert_eq!(is_remote_http(origin), is_weak, "{origin}");
        }
    }
}
