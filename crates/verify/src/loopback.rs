//! Whether a host name or an IP address is loopback: only programs on this machine can use it.

use std::net::IpAddr;

/// Whether `ip` is loopback: `127.0.0.0/8`, `::1`, or an IPv4 loopback address mapped to IPv6.
pub fn is_loopback_ip(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether the host of a URL is loopback: `localhost`, a name that ends with `.localhost`, or a loopback address, for
/// IPv6 in brackets or without.
///
/// The names are reserved for this machine (RFC 6761, section 6.3). No other name counts as loopback, since a resolver
/// decides what it means.
///
/// ```
/// use counterfoil_verify::is_loopback_host;
///
/// assert!(is_loopback_host("app.localhost") && is_loopback_host("[::1]"));
/// assert!(!is_loopback_host("localhost.example"));
/// ```
pub fn is_loopback_host(host: &str) -> bool {
    is_localhost_name(host) || is_loopback_address(host)
}

/// Whether a host is a loopback address, for IPv6 in brackets or without.
fn is_loopback_address(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    address.is_ok_and(is_loopback_ip)
}

/// Whether a host is `localhost` or a name below it. Such a name needs no resolver.
pub fn is_localhost_name(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    labels.next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
        && labels.all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_localhost_the_names_below_it_and_the_loopback_addresses() {
        for host in [
            "localhost",
            "LocalHost",
            "app.localhost",
            "a.b.LOCALHOST",
            "127.0.0.1",
            "127.3.2.1",
            "::1",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "localhost.example",
            "notlocalhost",
            ".localhost",
            "a..localhost",
            "localhost.",
            "127.0.0.1.example",
            "0.0.0.0",
            "10.0.0.1",
            "::",
            "[::]",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
