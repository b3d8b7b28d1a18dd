//! Whether an IP address or a host name is one of this machine, or of an internal network.

use std::net::IpAddr;

pub use counterfoil_verify::{is_localhost_name, is_loopback_host, is_loopback_ip};

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
