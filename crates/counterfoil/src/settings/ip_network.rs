//! IP networks in CIDR notation, as in `trusted_proxies`: `10.0.0.0/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// An IP network; a single address is a network of one.
///
/// ```
/// use counterfoil::Network;
///
/// let internal: Network = "10.0.0.0/8".parse()?;
/// assert!(internal.contains("10.1.2.3".parse()?));
/// assert!(internal.contains("::ffff:10.1.2.3".parse()?), "an IPv4-mapped address is an IPv4 address");
/// assert!(!internal.contains("11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Why a text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpNetworkError {
    /// It is not in CIDR notation.
    #[error("must be an IP address or a network like 10.0.0.0/8")]
    NotCidr,
    /// The prefix is longer than an address of the family.
    #[error("the prefix is longer than the address")]
    PrefixTooLong,
    /// Bits behind the prefix are set: an address instead of a network, or a typing error.
    #[error("the address has bits set behind the prefix")]
    HostBits,
}

impl Network {
    /// Whether `ip` is in the network. An IPv4-mapped IPv6 address is compared as IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }

    /// Whether every address of the family is in the network.
    pub fn contains_every_address(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for Network {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, IpNetworkError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.into()));
        }
        // `IpNet` reads 010.0.0.0/8 as 10.0.0.0/8, although 010 is octal for other programs.
        let address = text.split_once('/').map_or(text, |(address, _)| address);
        address.parse::<IpAddr>().map_err(|_| IpNetworkError::NotCidr)?;
        let network: IpNet = text.parse().map_err(|_| match has_long_prefix(text) {
            true => IpNetworkError::PrefixTooLong,
            false => IpNetworkError::NotCidr,
        })?;
        match network == network.trunc() {
            true => Ok(Self(network)),
            false => Err(IpNetworkError::HostBits),
        }
    }
}

/// Whether a text that is not a network would be one if its prefix were shorter.
fn has_long_prefix(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else { return false };
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    is_number && address.parse::<IpAddr>().is_ok()
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, IpNetworkError> {
        text.parse()
    }

    #[test]
    fn text_that_is_not_a_network_is_refused() {
        for text in
            ["", "/", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8", "localhost", "::/x", " ::1"]
        {
            assert_eq!(network(text), Err(IpNetworkError::NotCidr), "{text:?}");
        }
        // A leading zero means octal to some programs, so such an address could name another network.
        for text in ["010.0.0.0/8", "192.168.010.0/24", "010.0.0.1"] {
            assert_eq!(network(text), Err(IpNetworkError::NotCidr), "{text:?}");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/999", "::/129"] {
            assert_eq!(network(text), Err(IpNetworkError::PrefixTooLong), "{text:?}");
        }
        for text in ["10.0.0.1/8", "2001:db8::1/64", "0.0.0.1/0"] {
            assert_eq!(network(text), Err(IpNetworkError::HostBits), "{text:?}");
        }
    }

    #[test]
    fn a_single_address_is_a_network_of_one() {
        let one = network("192.0.2.1").unwrap();

        assert_eq!(one.to_string(), "192.0.2.1/32");
        assert!(one.contains("192.0.2.1".parse().unwrap()));
        assert!(!one.contains("192.0.2.0".parse().unwrap()));
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
    }

    #[test]
    fn a_network_contains_addresses_with_its_prefix_and_none_of_the_other_family() {
        let contains =
            |network: &str, ip: &str| network.parse::<Network>().unwrap().contains(ip.parse().unwrap());

        assert!(contains("10.128.0.0/9", "10.255.255.255") && !contains("10.128.0.0/9", "10.127.255.255"));
        assert!(
            contains("2001:db8::/33", "2001:db8:7fff::1") && !contains("2001:db8::/33", "2001:db8:8000::1")
        );
        assert!(contains("0.0.0.0/0", "255.255.255.255") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "ff::1") && !contains("::/0", "1.2.3.4"));
        assert!(network("::/0").unwrap().contains_every_address());
    }
}
