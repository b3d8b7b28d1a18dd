//! The issuer's URL, kept byte for byte as configured.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use counterfoil_verify::Origin;

use crate::settings::loopback::is_loopback_host;

/// The issuer of all tokens: the value of `iss` (RFC 8414, section 2). It is compared byte for byte.
///
/// ```
/// use counterfoil::IssuerUrl;
///
/// let issuer: IssuerUrl = "https://auth.example".parse()?;
/// assert_eq!(issuer.as_str(), "https://auth.example");
/// assert!(issuer.is_secure());
/// assert!("http://auth.example".parse::<IssuerUrl>().is_err());
/// assert!("http://127.0.0.1:3000".parse::<IssuerUrl>().is_ok());
/// # Ok::<(), counterfoil::IssuerUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    host: Box<str>,
    origin: Origin,
}

/// Why a text is not an issuer URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerUrlError {
    /// It is not an absolute URL with a host.
    #[error("the issuer must be an absolute URL like https://auth.example")]
    NotAUrl,
    /// Plain HTTP beyond loopback: credentials would be sent unencrypted.
    #[error("the issuer must use https: plain HTTP is for loopback only")]
    PlainHttp,
    /// It ends with a slash, which is significant when verifiers compare `iss`.
    #[error("the issuer must not end with a slash")]
    TrailingSlash,
    /// It has a query, a fragment or a user name (RFC 8414, section 2).
    #[error("the issuer must have no query, fragment or user name")]
    UnexpectedPart,
}

impl IssuerUrlError {
    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NotAUrl => "set the URL that clients use, like https://auth.example",
            Self::PlainHttp => {
                "use https:// (also behind a proxy that terminates TLS), or http://localhost for a trial"
            }
            Self::TrailingSlash => "remove the slash: verifiers compare the issuer byte for byte",
            Self::UnexpectedPart => "set only the scheme and the host, with a port and a path if needed",
        }
    }
}

impl IssuerUrl {
    /// The text, as configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the scheme is https; otherwise the host is loopback.
    pub fn is_secure(&self) -> bool {
        self.origin.as_str().starts_with("https:")
    }

    /// The host in lower case, without the port; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, or the default one of the scheme.
    pub fn port(&self) -> u16 {
        let uri: Option<Uri> = self.text.parse().ok();
        let default = if self.is_secure() { 443 } else { 80 };
        uri.as_ref().and_then(Uri::port_u16).unwrap_or(default)
    }

    /// Whether its host is loopback, so that only programs on this machine can use it.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }

    /// The path, without a slash at the end; empty if the URL has none.
    pub fn path(&self) -> &str {
        let authority = self.text.split_once("://").map_or("", |(_, rest)| rest);
        authority.find('/').map_or("", |slash| &authority[slash..])
    }

    /// The origin (RFC 6454) of the URL.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl FromStr for IssuerUrl {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        let url: Uri = text.parse().map_err(|_| IssuerUrlError::NotAUrl)?;
        let (Some(scheme), Some(host)) = (url.scheme_str(), url.host()) else {
            return Err(IssuerUrlError::NotAUrl);
        };
        if text.contains(['?', '#', '@']) {
            return Err(IssuerUrlError::UnexpectedPart);
        }
        // Not in a URL (RFC 3986), but `Uri` accepts them, and in the path of the metadata a router would read a parameter.
        if text.contains(['{', '}']) {
            return Err(IssuerUrlError::NotAUrl);
        }
        if text.ends_with('/') {
            return Err(IssuerUrlError::TrailingSlash);
        }
        match scheme {
            "https" => {}
            "http" if is_loopback_host(host) => {}
            "http" => return Err(IssuerUrlError::PlainHttp),
            _ => return Err(IssuerUrlError::NotAUrl),
        }
        let origin = Origin::from_url(text).map_err(|_| IssuerUrlError::NotAUrl)?;
        Ok(Self { text: text.to_owned(), host: host.to_ascii_lowercase().into(), origin })
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<IssuerUrl, IssuerUrlError> {
        text.parse()
    }

    #[test]
    fn an_issuer_is_kept_byte_for_byte() {
        for good in [
            "https://auth.example",
            "https://Auth.Example:8443/tenant",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://127.3.2.1:80",
            "http://[::1]:3000",
            "http://app.localhost:3000",
        ] {
            assert_eq!(parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn the_host_and_the_port_are_known() {
        for (text, host, port) in [
            ("https://Auth.Example/tenant", "auth.example", 443),
            ("http://app.localhost:3000", "app.localhost", 3000),
            ("http://[::1]", "[::1]", 80),
        ] {
            let issuer = parse(text).unwrap();
            assert_eq!((issuer.host(), issuer.port()), (host, port));
        }
    }

    #[test]
    fn plain_http_is_accepted_only_on_loopback() {
        for bad in [
            "http://auth.example",
            "http://localhost.example",
            "http://.localhost",
            "http://127.0.0.1.example",
            "http://0.0.0.0:3000",
            "http://10.0.0.1",
            "http://[::]",
        ] {
            assert_eq!(parse(bad), Err(IssuerUrlError::PlainHttp), "{bad}");
        }
    }

    #[test]
    fn an_invalid_url_is_not_an_issuer() {
        assert_eq!(parse("https://auth.example/"), Err(IssuerUrlError::TrailingSlash));
        assert_eq!(parse("https://auth.example/a/"), Err(IssuerUrlError::TrailingSlash));
        assert_eq!(parse("https://auth.example/?a"), Err(IssuerUrlError::UnexpectedPart));
        assert_eq!(parse("https://user@auth.example"), Err(IssuerUrlError::UnexpectedPart));
        for bad in [
            "",
            "auth.example",
            "ftp://auth.example",
            "https://",
            "https:///a",
            "https://a b",
            "/x",
            "https://b\u{fc}cher.example",
            "https://auth.example/{tenant}",
        ] {
            assert_eq!(parse(bad), Err(IssuerUrlError::NotAUrl), "{bad}");
        }
    }
}
