//! A network of addresses, as operators write it: `10.0.0.0/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All addresses that begin alike.
///
/// ```
/// use counterfoil::Network;
///
/// let inside: Network = "10.0.0.0/8".parse()?;
/// assert!(inside.contains("10.1.2.3".parse()?));
/// assert!(inside.contains("::ffff:10.1.2.3".parse()?), "an IPv4 address, however it is written");
/// assert!(!inside.contains("11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkFault {
    /// Not the form.
    #[error("not an address, nor a network like 10.0.0.0/8")]
    Form,
    /// The prefix is longer than an address.
    #[error("the prefix is longer than the address")]
    Prefix,
    /// There are bits behind the prefix: an address that was taken for a network, or a slip of the pen.
    #[error("the address has bits behind the prefix")]
    HostBits,
}

impl Network {
    /// Whether `ip` belongs to it. An IPv4 address that is written as IPv6 is an IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                behind(u128::from(own.to_bits() ^ ip.to_bits()), 32 - self.prefix) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => behind(own.to_bits() ^ ip.to_bits(), 128 - self.prefix) == 0,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Whether everybody belongs to it.
    pub fn is_everybody(&self) -> bool {
        self.prefix == 0
    }
}

/// What is left of `bits` without the last `host_bits`.
fn behind(bits: u128, host_bits: u32) -> u128 {
    bits.checked_shr(host_bits).unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkFault;

    fn from_str(text: &str) -> Result<Self, NetworkFault> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkFault::Form)?;
        let (length, bits) = match address {
            IpAddr::V4(ip) => (32, u128::from(ip.to_bits())),
            IpAddr::V6(ip) => (128, ip.to_bits()),
        };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkFault::Form)?
            }
            Some(_) => return Err(NetworkFault::Form),
            None => length,
        };
        if prefix > length {
            return Err(NetworkFault::Prefix);
        }
        let host_bits = length - prefix;
        if bits != behind(bits, host_bits).checked_shl(host_bits).unwrap_or(0) {
            return Err(NetworkFault::HostBits);
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, NetworkFault> {
        text.parse()
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "/", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8", "localhost", "::/x", " ::1"]
        {
            assert_eq!(network(text), Err(NetworkFault::Form), "{text:?}");
        }
        assert_eq!(network("10.0.0.0/33"), Err(NetworkFault::Prefix));
        assert_eq!(network("::/129"), Err(NetworkFault::Prefix));
        for text in ["10.0.0.1/8", "2001:db8::1/64", "0.0.0.1/0"] {
            assert_eq!(network(text), Err(NetworkFault::HostBits), "{text:?}");
        }
    }

    #[test]
    fn an_address_alone_is_a_network_of_one() {
        let one = network("192.0.2.1").unwrap();

        assert_eq!(one.to_string(), "192.0.2.1/32");
        assert!(one.contains("192.0.2.1".parse().unwrap()));
        assert!(!one.contains("192.0.2.0".parse().unwrap()));
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
    }

    #[test]
    fn a_network_holds_what_begins_alike_and_nothing_of_the_other_family() {
        let holds =
            |network: &str, ip: &str| network.parse::<Network>().unwrap().contains(ip.parse().unwrap());

        assert!(holds("10.128.0.0/9", "10.255.255.255") && !holds("10.128.0.0/9", "10.127.255.255"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("0.0.0.0/0", "255.255.255.255") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "ff::1") && !holds("::/0", "1.2.3.4"));
        assert!(network("::/0").unwrap().is_everybody());
    }
}
