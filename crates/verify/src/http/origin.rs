//! Web origins in the form that browsers send, and the policy of which origins may write.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::loopback::is_loopback_host;

/// The text is not an origin in the form that browsers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid origin: {0}")]
pub struct OriginError(&'static str);

/// A web origin, exactly as browsers serialize it (RFC 6454, section 6.2): scheme, host, and the port if it
/// is not the default port; lower case, no path, an IPv6 address in its short form (WHATWG URL, section 3.6).
///
/// The scheme is any: web views and extensions have origins such as `capacitor://localhost`.
///
/// ```
/// use counterfoil_verify::Origin;
///
/// assert!("https://shop.example".parse::<Origin>().is_ok());
/// assert!("capacitor://localhost".parse::<Origin>().is_ok());
/// // A browser never sends these, so trusting them would have no effect.
/// assert!("https://shop.example/".parse::<Origin>().is_err());
/// assert!("https://shop.example:443".parse::<Origin>().is_err());
/// assert!("null".parse::<Origin>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// The text, as in an `Origin` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an `http` or `https` origin whose host is loopback, with any port.
    pub fn is_loopback(&self) -> bool {
        let Some((scheme, authority)) = self.0.split_once("://") else { return false };
        default_port(scheme).is_some() && is_loopback_host(split_port(authority).0)
    }

    /// The origin of a URL: what browsers send from its pages.
    ///
    /// # Errors
    ///
    /// The text is not an `http` or `https` URL with a host.
    ///
    /// ```
    /// use counterfoil_verify::Origin;
    ///
    /// let own = Origin::from_url("https://Auth.example:443/tenant")?;
    /// assert_eq!(own.as_str(), "https://auth.example");
    /// # Ok::<(), counterfoil_verify::OriginError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = url.split_once("://").ok_or(OriginError("a scheme is required"))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let authority = authority.to_ascii_lowercase();
        let default_port = default_port(&scheme).ok_or(OriginError("the scheme must be http or https"))?;
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        let (host, port) = split_port(authority);
        match bracketed(host).and_then(|address| address.parse().ok()) {
            Some(address) => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                format!("{scheme}://[{}]{port}", serialize_ipv6(address)).parse()
            }
            None => format!("{scheme}://{authority}").parse(),
        }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginError("a scheme is required"))?;
        if !is_scheme(scheme) {
            return Err(OriginError("the scheme must be lower-case ASCII, like https"));
        }
        if default_port(scheme).is_some_and(|port| authority.ends_with(port)) {
            return Err(OriginError("the default port must be omitted, as browsers do"));
        }
        validate_authority(authority)?;
        Ok(Self(text.into()))
    }
}

/// Whether the text is a scheme (RFC 3986, section 3.1) in lower case.
fn is_scheme(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(is_plain)
}

/// An IPv6 address as browsers write it. They write a mapped IPv4 address in hexadecimal digits, unlike its `Display`.
fn serialize_ipv6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}

/// The host, and the port if there is one. `[::1]:8080` has colons inside the brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

/// The text in brackets.
fn bracketed(host: &str) -> Option<&str> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']'))
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "https" => Some(":443"),
        "http" => Some(":80"),
        _ => None,
    }
}

fn validate_authority(authority: &str) -> Result<(), OriginError> {
    let (host, port) = split_port(authority);
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |number| number.to_string() != port)) {
        return Err(OriginError("the port must be a number"));
    }
    let Some(text) = bracketed(host) else { return validate_host(host) };
    match text.parse::<Ipv6Addr>() {
        Ok(address) if serialize_ipv6(address) == text => Ok(()),
        Ok(_) => {
            Err(OriginError("the IPv6 address must be in the short form that browsers send, like [::1]"))
        }
        Err(_) => Err(OriginError("the address in brackets must be an IPv6 address")),
    }
}

fn validate_host(host: &str) -> Result<(), OriginError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    if host.is_empty() {
        return Err(OriginError("a host is required"));
    }
    if !host.bytes().all(is_plain) {
        return Err(OriginError("the host must be lower-case ASCII, without a path or a user name"));
    }
    Ok(())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The origins from which a browser may write: the service's own, and the trusted ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPolicy {
    /// The origin of the service itself.
    pub own: Origin,
    /// Other origins, compared exactly; empty by default.
    pub trusted: Vec<Origin>,
    trusts_loopback: bool,
}

impl OriginPolicy {
    /// Only the service's own origin.
    pub const fn new(own: Origin) -> Self {
        Self { own, trusted: Vec::new(), trusts_loopback: false }
    }

    /// Trusts this origin too.
    #[must_use]
    pub fn trust(mut self, trusted: Origin) -> Self {
        self.trusted.push(trusted);
        self
    }

    /// Trusts the pages of every server on this machine: `localhost`, names below it, and loopback addresses, with any port.
    /// For a developer's machine only: elsewhere each program of the user could act as the user.
    #[must_use]
    pub const fn danger_trust_loopback(mut self) -> Self {
        self.trusts_loopback = true;
        self
    }

    /// Whether a request with this `Origin` header comes from a trusted origin.
    pub fn trusts(&self, origin: &[u8]) -> bool {
        self.trusted.iter().any(|trusted| trusted.0.as_bytes() == origin)
            || (self.trusts_loopback && is_loopback_origin(origin))
    }

    /// Whether any other origin than the service's own is trusted.
    pub const fn trusts_others(&self) -> bool {
        self.trusts_loopback || !self.trusted.is_empty()
    }

    pub(crate) fn is_own(&self, origin: &[u8]) -> bool {
        self.own.0.as_bytes() == origin
    }
}

/// Whether the value of an `Origin` header is a loopback origin in the form that browsers send.
fn is_loopback_origin(value: &[u8]) -> bool {
    let origin = str::from_utf8(value).ok().and_then(|text| text.parse::<Origin>().ok());
    origin.is_some_and(|origin| origin.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_are_trusted_only_on_request() {
        let own = || Origin::from_url("http://127.0.0.1:3000").unwrap();
        let (strict, for_development) =
            (OriginPolicy::new(own()), OriginPolicy::new(own()).danger_trust_loopback());

        for origin in [
            "http://localhost:5173",
            "http://127.0.0.1:5173",
            "http://[::1]:5173",
            "http://app.localhost",
            "https://localhost:5173",
        ] {
            assert!(for_development.trusts(origin.as_bytes()), "{origin}");
            assert!(!strict.trusts(origin.as_bytes()), "{origin}");
        }
        for origin in [
            "http://attacker.example",
            "http://localhost.attacker.example:5173",
            "http://127.0.0.1.nip.io",
            "http://192.168.0.7:5173",
            "http://0.0.0.0:5173",
            "HTTP://LOCALHOST",
            "http://localhost:5173/",
            "http://user@localhost",
            "capacitor://localhost",
            "null",
            "",
        ] {
            assert!(!for_development.trusts(origin.as_bytes()), "{origin}");
        }
    }

    #[test]
    fn only_origins_in_the_form_that_browsers_send_parse() {
        for good in [
            "https://a.example",
            "http://a.example:8080",
            "http://[::1]:8080",
            "http://[::ffff:7f00:1]",
            "https://127.0.0.1",
            "capacitor://localhost",
            "tauri://localhost:80",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        ] {
            assert_eq!(good.parse::<Origin>().unwrap().as_str(), good);
        }
        for bad in [
            "https://A.example",
            "HTTPS://a.example",
            "https://user@a.example",
            "https://a.example:",
            "https://a.example:99999",
            "https://a.example:+1",
            "https://a.example:080",
            "https://[::1",
            "https://[x]",
            "http://[0:0:0:0:0:0:0:1]:5173",
            "http://[::FFFF:7f00:1]",
            "http://[::ffff:127.0.0.1]",
            "file://",
            "://a.example",
            "1a://a.example",
            "a b://a.example",
            "Capacitor://localhost",
            "null",
            "https://b\u{fc}cher.example",
            "https://a.example\n",
            "//a.example",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_origin_of_a_url_is_what_browsers_send_from_it() {
        for (issuer, origin) in [
            ("https://auth.example", "https://auth.example"),
            ("HTTPS://Auth.Example:443/x?y#z", "https://auth.example"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[0:0:0:0:0:0:0:1]:80/x", "http://[::1]"),
            ("http://[::FFFF:127.0.0.1]:8080", "http://[::ffff:7f00:1]:8080"),
        ] {
            assert_eq!(Origin::from_url(issuer).unwrap().as_str(), origin);
        }
    }
}
