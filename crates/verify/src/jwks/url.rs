//! From where keys may be fetched: https, or http on this very machine.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

/// A text that names no place from which keys may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksUrlError {
    /// Not `http` or `https` with a host: a file, data, or no URL at all.
    #[error("not an https URL")]
    NotHttpUrl,
    /// Whoever is on the way could put keys of their own in the place of the issuer's.
    #[error("plain http, which is for loopback only")]
    InsecureHttp,
    /// A user name or a fragment, which no request carries.
    #[error("a URL of keys has no user name and no fragment")]
    UserInfoOrFragment,
}

/// The URL of a document that says which keys to believe.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct JwksUrl {
    uri: Uri,
    host: Box<str>,
    port: u16,
    is_https: bool,
}

impl JwksUrl {
    /// Whom to connect to: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is reached over TLS; otherwise it is on loopback.
    pub(crate) const fn is_https(&self) -> bool {
        self.is_https
    }

    /// What `Host` says (RFC 9110, section 7.2).
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// What a request asks for.
    pub(crate) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |asked| asked.as_str())
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
            "http" if is_loopback(&host) => false,
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

/// Whether a host can only be this machine. A name other than `localhost` is whatever a resolver says.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
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
    fn keys_come_over_https_or_from_this_machine() {
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
    fn an_address_is_connected_to_without_its_brackets() {
        let six = url("http://[::1]:3000/k").unwrap();

        assert_eq!((six.host(), six.port(), six.authority()), ("::1", 3000, "[::1]:3000"));
        assert_eq!(url("https://a.example").unwrap().path_and_query(), "/");
    }
}
