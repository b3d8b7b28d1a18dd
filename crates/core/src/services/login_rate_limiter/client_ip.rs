//! The client IP as a rate limit counts it: an IPv4 address or an IPv6 network.

use std::net::{IpAddr, Ipv6Addr};

/// The key of a client IP: an IPv4 address, also if written as IPv6 (RFC 4291, section 2.5.5.2), or the network of an IPv6
/// address with this prefix length. Always 17 bytes: the address family and 16 bytes of address.
pub fn client_ip_key(ip: IpAddr, ipv6_prefix: u8) -> [u8; 17] {
    let (family, bits) = match ip.to_canonical() {
        IpAddr::V4(ip) => (4, ip.to_ipv6_mapped().to_bits()),
        IpAddr::V6(ip) => (6, ipv6_network(ip, ipv6_prefix)),
    };
    let mut ip_key = [family; 17];
    ip_key[1..].copy_from_slice(&bits.to_be_bytes());
    ip_key
}

fn ipv6_network(ip: Ipv6Addr, prefix: u8) -> u128 {
    let host_bits = 128_u32.saturating_sub(prefix.into());
    ip.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip_key(ip: &str) -> [u8; 17] {
        client_ip_key(ip.parse().unwrap(), 64)
    }

    #[test]
    fn addresses_in_one_ipv6_network_have_one_key() {
        assert_eq!(ip_key("2001:db8:1:2::1"), ip_key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(ip_key("2001:db8:1:2::1"), ip_key("2001:db8:1:3::1"));
        assert_eq!(client_ip_key("::1".parse().unwrap(), 0), client_ip_key("ff::".parse().unwrap(), 0));
        assert_ne!(client_ip_key("::1".parse().unwrap(), 128), client_ip_key("::2".parse().unwrap(), 128));
        assert_eq!(client_ip_key("::1".parse().unwrap(), 128), client_ip_key("::1".parse().unwrap(), 200));
    }

    #[test]
    fn an_ipv4_address_and_its_ipv6_mapped_form_have_one_key() {
        assert_eq!(ip_key("192.0.2.1"), ip_key("::ffff:192.0.2.1"));
        assert_ne!(ip_key("192.0.2.1"), ip_key("192.0.2.2"));
        // An IPv4-compatible address has the same low bits and is another host.
        assert_ne!(ip_key("192.0.2.1"), ip_key("::192.0.2.1"));
    }
}
