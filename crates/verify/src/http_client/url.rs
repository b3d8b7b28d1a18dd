//! URLs that may be fetched: https, or http on loopback.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::loopback::is_loopback_host;

/// The issuer must not be asked at this URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpUrlError {
    /// Not an `http` or `https` URL with a host, for example `file:` or `data:`.
    #[error("not an https URL with a host")]
    NotHttpUrl,
    /// Plain http to another machine: an attacker on the network could replace the keys and read the verifier key.
    #[error("plain http is allowed only on loopback")]
    InsecureHttp,
    /// A user name or a fragment.
    #[error("the URL must not have a user name or a fragment")]
    UserInfoOrFragment,
}

/// A URL of the issuer: of its key set, its metadata or its revocation feed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    uri: Uri,
    host: Box<str>,
    port: u16,
    is_https: bool,
}

impl HttpUrl {
    /// The host to connect to: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is https; otherwise the host is loopback.
    pub(crate) const fn is_https(&self) -> bool {
        self.is_https
    }

    /// The value of the `Host` header (RFC 9110, section 7.2).
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// The request target.
    pub(crate) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }
}

impl HttpUrl {
    /// This URL, whose path is a prefix, with `path` after it.
    pub(crate) fn join(&self, path: &str) -> Result<Self, HttpUrlError> {
        format!("{}{path}", self.to_string().trim_end_matches('/')).parse()
    }

    /// This URL with a parameter more. `value` needs no percent-encoding.
    pub(crate) fn with_parameter(&self, name: &str, value: &str) -> Result<Self, HttpUrlError> {
        let separator = if self.uri.query().is_some() { '&' } else { '?' };
        format!("{self}{separator}{name}={value}").parse()
    }
}

impl FromStr for HttpUrl {
    type Err = HttpUrlError;

    fn from_str(text: &str) -> Result<Self, HttpUrlError> {
        let uri: Uri = text.parse().map_err(|_| HttpUrlError::NotHttpUrl)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(HttpUrlError::NotHttpUrl);
        };
        if text.contains('#') || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(HttpUrlError::UserInfoOrFragment);
        }
        let host: Box<str> = host.trim_start_matches('[').trim_end_matches(']').into();
        let is_https = match scheme {
            "https" => true,
            "http" if is_loopback_host(&host) => false,
            "http" => return Err(HttpUrlError::InsecureHttp),
            _ => return Err(HttpUrlError::NotHttpUrl),
        };
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if host.is_empty() {
            return Err(HttpUrlError::NotHttpUrl);
        }
        Ok(Self { uri, host, port, is_https })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<HttpUrl, HttpUrlError> {
        text.parse()
    }

    /// V25: what CVE-2026-48522 let through.
    #[test]
    fn keys_are_fetched_over_https_or_from_loopback() {
        for good in [
            "https://auth.example/jwks.json",
            "https://auth.example:8443/keys?x=1",
            "http://localhost:3000/k",
            "http://LOCALHOST/k",
            "http://127.0.0.1/k",
            "http://[::1]:3000/k",
        ] {
            assert!(url(good).is_ok(), "{good}");
        }
        for plain in
            ["http://auth.example/k", "http://10.0.0.1/k", "http://localhost.example/k", "http://0.0.0.0/k"]
        {
            assert_eq!(url(plain), Err(HttpUrlError::InsecureHttp), "{plain}");
        }
        for other in [
            "file:///etc/passwd",
            "ftp://auth.example/k",
            "data:application/json,{}",
            "/etc/passwd",
            "auth.example/k",
            "",
            "https://",
            "https:///k",
            "gopher://localhost/k",
        ] {
            assert_eq!(url(other), Err(HttpUrlError::NotHttpUrl), "{other}");
        }
        for more in ["https://user@auth.example/k", "https://a:b@auth.example/k", "https://auth.example/k#x"]
        {
            assert_eq!(url(more), Err(HttpUrlError::UserInfoOrFragment), "{more}");
        }
    }

    #[test]
    fn a_path_and_a_parameter_are_added() {
        for (base, joined) in [
            ("https://auth.example", "https://auth.example/v1/feed"),
            ("https://auth.example/base/", "https://auth.example/base/v1/feed"),
        ] {
            assert_eq!(url(base).unwrap().join("/v1/feed").unwrap().to_string(), joined);
        }
        for (plain, more) in [
            ("https://auth.example/jwks.json", "https://auth.example/jwks.json?v=a-_1"),
            ("https://auth.example/keys?x=1", "https://auth.example/keys?x=1&v=a-_1"),
        ] {
            assert_eq!(url(plain).unwrap().with_parameter("v", "a-_1").unwrap().to_string(), more);
        }
    }

    #[test]
    fn the_host_of_an_ipv6_url_has_no_brackets() {
        let six = url("http://[::1]:3000/k").unwrap();

        assert_eq!((six.host(), six.port(), six.authority()), ("::1", 3000, "[::1]:3000"));
        assert_eq!(url("https://a.example").unwrap().path_and_query(), "/");
    }
}
