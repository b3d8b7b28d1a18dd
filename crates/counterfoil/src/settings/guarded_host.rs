//! The host of an application that forward authentication guards.

use std::fmt;
use std::str::FromStr;

use counterfoil_verify::Origin;

/// A host name or an address, with a port if it is not the default one: `app.example` or `app.example:8443`.
///
/// ```
/// use counterfoil::GuardedHost;
///
/// let host: GuardedHost = "App.Example".parse()?;
/// assert_eq!(host.to_string(), "app.example");
/// assert!("https://app.example".parse::<GuardedHost>().is_err());
/// assert!("*.example".parse::<GuardedHost>().is_err());
/// # Ok::<(), counterfoil::GuardedHostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedHost {
    text: Box<str>,
    https: Origin,
    http: Origin,
}

/// The text is not the host of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be a host, or a host and a port, like app.example or app.example:8443: without a scheme, a path or `*`"
)]
pub struct GuardedHostError;

impl GuardedHost {
    /// The origin of its pages over TLS.
    pub fn https_origin(&self) -> &Origin {
        &self.https
    }

    /// The origin of its pages over plain HTTP.
    pub(crate) fn http_origin(&self) -> &Origin {
        &self.http
    }

    /// The host without its port.
    pub(crate) fn name(&self) -> &str {
        let authority = self.https.as_str().split_once("://").map_or("", |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => name,
            Some(_) | None => authority,
        }
    }

    /// Whether browsers send the cookies of one to the other: they ignore the port (RFC 6265, section 8.5).
    pub(crate) fn shares_cookies_with(&self, other: &Self) -> bool {
        self.name() == other.name() && self.https != other.https
    }
}

impl FromStr for GuardedHost {
    type Err = GuardedHostError;

    fn from_str(text: &str) -> Result<Self, GuardedHostError> {
        // An origin would end at these.
        if text.contains(['/', '?', '#', '\\']) {
            return Err(GuardedHostError);
        }
        let origin = |scheme| Origin::from_url(&format!("{scheme}://{text}")).map_err(|_| GuardedHostError);
        Ok(Self { text: text.to_ascii_lowercase().into(), https: origin("https")?, http: origin("http")? })
    }
}

impl fmt::Display for GuardedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_is_part_of_no_origin() {
        for (text, https, http) in [
            ("app.example", "https://app.example", "http://app.example"),
            ("APP.example:443", "https://app.example", "http://app.example:443"),
            ("app.example:80", "https://app.example:80", "http://app.example"),
            ("[::1]:8080", "https://[::1]:8080", "http://[::1]:8080"),
        ] {
            let host: GuardedHost = text.parse().unwrap();
            assert_eq!((host.https_origin().as_str(), host.http_origin().as_str()), (https, http), "{text}");
        }
    }

    #[test]
    fn hosts_that_differ_only_by_port_share_their_cookies() {
        for (one, other, is_shared) in [
            ("app.example", "app.example:8443", true),
            ("app.example:8080", "APP.example:8443", true),
            ("[::1]", "[::1]:8443", true),
            ("app.example", "app.example:443", false),
            ("app.example", "other.example", false),
            ("app.example", "b.app.example:8443", false),
            ("[::1]", "[::2]:8443", false),
        ] {
            let [one, other]: [GuardedHost; 2] = [one, other].map(|host| host.parse().unwrap());
            assert_eq!(one.shares_cookies_with(&other), is_shared, "{one} {other}");
            assert_eq!(other.shares_cookies_with(&one), is_shared, "{other} {one}");
        }
    }

    #[test]
    fn a_url_a_pattern_and_a_user_name_are_no_hosts() {
        for text in [
            "",
            "https://app.example",
            "app.example/",
            "*.example",
            "a@app.example",
            "app.example:x",
            "a b",
            "::1",
        ] {
            assert!(text.parse::<GuardedHost>().is_err(), "{text}");
        }
    }
}
