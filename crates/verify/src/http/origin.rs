//! Web origins in the form that browsers send, and the policy of which origins may write.

use std::fmt;
use std::str::FromStr;

/// The text is not an origin in the form that browsers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid origin: {0}")]
pub struct OriginError(&'static str);

/// A web origin, exactly as browsers serialize it (RFC 6454, section 6.2): scheme, host, and the port if it
/// is not the default port; lower case, no path.
///
/// ```
/// use counterfoil_verify::Origin;
///
/// assert!("https://shop.example".parse::<Origin>().is_ok());
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
        let default_port = default_port(&scheme).unwrap_or_default();
        format!("{scheme}://{}", authority.strip_suffix(default_port).unwrap_or(&authority)).parse()
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginError("a scheme is required"))?;
        let default_port = default_port(scheme).ok_or(OriginError("the scheme must be http or https"))?;
        if authority.ends_with(default_port) {
            return Err(OriginError("the default port must be omitted, as browsers do"));
        }
        validate_authority(authority)?;
        Ok(Self(text.into()))
    }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "https" => Some(":443"),
        "http" => Some(":80"),
        _ => None,
    }
}

fn validate_authority(authority: &str) -> Result<(), OriginError> {
    // `[::1]:8080` has colons inside the brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |number| number.to_string() != port)) {
        return Err(OriginError("the port must be a number"));
    }
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(address) if address.parse::<std::net::Ipv6Addr>().is_ok() => Ok(()),
        Some(_) => Err(OriginError("the address in brackets must be an IPv6 address")),
        None => validate_host(host),
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
}

impl OriginPolicy {
    /// Only the service's own origin.
    pub const fn new(own: Origin) -> Self {
        Self { own, trusted: Vec::new() }
    }

    /// Trusts this origin too.
    #[must_use]
    pub fn trust(mut self, trusted: Origin) -> Self {
        self.trusted.push(trusted);
        self
    }

    pub(crate) fn trusts(&self, origin: &[u8]) -> bool {
        self.trusted.iter().any(|trusted| trusted.0.as_bytes() == origin)
    }

    pub(crate) fn is_own(&self, origin: &[u8]) -> bool {
        self.own.0.as_bytes() == origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_in_the_form_that_browsers_send_parse() {
        for good in ["https://a.example", "http://a.example:8080", "http://[::1]:8080", "https://127.0.0.1"] {
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
            "ftp://a.example",
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
        ] {
            assert_eq!(Origin::from_url(issuer).unwrap().as_str(), origin);
        }
    }
}
