//! Whether an IP address or a host name is loopback: only processes on this machine can use it.

use std::net::IpAddr;

/// Whether `ip` is loopback: `127.0.0.0/8`, `::1`, or an IPv4 loopback address mapped to IPv6.
pub fn is_loopback_ip(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether `ip` is loopback, private (RFC 1918, RFC 4193, RFC 6598) or link-local: it is not an address of the internet.
pub(crate) fn is_internal_ip(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether the host of a URL is loopback: `localhost`, or a loopback address, for IPv6 in brackets or
/// without.
///
/// No other name counts as loopback, since a resolver decides what it means.
pub fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_loopback_ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_localhost_and_the_loopback_addresses() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.3.2.1", "::1", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["", "localhost.example", "127.0.0.1.example", "0.0.0.0", "10.0.0.1", "::", "[::]"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
