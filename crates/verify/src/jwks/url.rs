//! URLs from which keys may be fetched: https, or http on loopback.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::loopback::is_loopback_host;

/// Keys must not be fetched from this URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksUrlError {
    /// Not an `http` or `https` URL with a host, for example `file:` or `data:`.
    #[error("not an https URL with a host")]
    NotHttpUrl,
    /// Plain http to another machine: an attacker on the network could replace the keys.
    #[error("plain http is allowed only on loopback")]
    InsecureHttp,
    /// A user name or a fragment.
    #[error("the URL must not have a user name or a fragment")]
    UserInfoOrFragment,
}

/// The URL of a key set, or of the metadata that leads to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct JwksUrl {
    uri: Uri,
    host: Box<str>,
    port: u16,
    is_https: bool,
}

impl JwksUrl {
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

impl FromStr for JwksUrl {
    type Err = JwksUrlError;

    fn from_str(text: &str) -> Result<Self, JwksUrlError> {
        let uri: Uri = text.parse().map_err(|_| JwksUrlError::NotHttpUrl)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(JwksUrlError::NotHttpUrl);
        };
        if text.contains('#') || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(JwksUrlError::UserInfoOrFragment);
        }
        let host: Box<str> = host.trim_start_matches('[').trim_end_matches(']').into();
        let is_https = match scheme {
            "https" => true,
            "http" if is_loopback_host(&host) => false,
            "http" => return Err(JwksUrlError::InsecureHttp),
            _ => return Err(JwksUrlError::NotHttpUrl),
        };
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if host.is_empty() {
            return Err(JwksUrlError::NotHttpUrl);
        }
        Ok(Self { uri, host, port, is_https })
    }
}

impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl fmt::Debug for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwksUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<JwksUrl, JwksUrlError> {
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
            assert_eq!(url(plain), Err(JwksUrlError::InsecureHttp), "{plain}");
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
            assert_eq!(url(other), Err(JwksUrlError::NotHttpUrl), "{other}");
        }
        for more in ["https://user@auth.example/k", "https://a:b@auth.example/k", "https://auth.example/k#x"]
        {
            assert_eq!(url(more), Err(JwksUrlError::UserInfoOrFragment), "{more}");
        }
    }

    #[test]
    fn the_host_of_an_ipv6_url_has_no_brackets() {
        let six = url("http://[::1]:3000/k").unwrap();

        assert_eq!((six.host(), six.port(), six.authority()), ("::1", 3000, "[::1]:3000"));
        assert_eq!(url("https://a.example").unwrap().path_and_query(), "/");
    }
}
