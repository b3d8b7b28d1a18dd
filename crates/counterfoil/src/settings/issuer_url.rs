//! The issuer's URL: printed and compared as it was configured, byte for byte.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use counterfoil_verify::Origin;

use crate::settings::loopback::is_loopback_host;

/// In whose name everything is issued (`iss`; RFC 8414, section 2).
///
/// ```
/// use counterfoil::IssuerUrl;
///
/// let issuer: IssuerUrl = "https://auth.example".parse()?;
/// assert_eq!(issuer.as_str(), "https://auth.example");
/// assert!(issuer.is_secure());
/// assert!("http://auth.example".parse::<IssuerUrl>().is_err());
/// assert!("http://127.0.0.1:3000".parse::<IssuerUrl>().is_ok());
/// # Ok::<(), counterfoil::IssuerFault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    origin: Origin,
}

/// Why a text cannot be an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerFault {
    /// No absolute URL with a host.
    #[error("the issuer is not an absolute URL like https://auth.example")]
    NotAUrl,
    /// Credentials would travel in the clear.
    #[error("the issuer is plain HTTP, which is for loopback only")]
    Plain,
    /// Tokens would name another text.
    #[error("the issuer ends with a slash; write it without")]
    TrailingSlash,
    /// An issuer is no query (RFC 8414, section 2).
    #[error("the issuer must have no query, fragment or user name")]
    TooMuch,
}

impl IssuerFault {
    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NotAUrl => "give the address that clients use, like https://auth.example",
            Self::Plain => {
                "use https:// (a plain listener behind a TLS proxy is fine), or http://localhost for trying it out"
            }
            Self::TrailingSlash => "cut the slash off: the issuer is compared byte for byte",
            Self::TooMuch => "give scheme, host, and port and path where there are any",
        }
    }
}

impl IssuerUrl {
    /// The text, as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is reached over TLS; otherwise it is on loopback.
    pub fn is_secure(&self) -> bool {
        self.origin.as_str().starts_with("https:")
    }

    /// The origin of pages below it.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl FromStr for IssuerUrl {
    type Err = IssuerFault;

    fn from_str(text: &str) -> Result<Self, IssuerFault> {
        let url: Uri = text.parse().map_err(|_| IssuerFault::NotAUrl)?;
        let (Some(scheme), Some(host)) = (url.scheme_str(), url.host()) else {
            return Err(IssuerFault::NotAUrl);
        };
        if text.contains(['?', '#', '@']) {
            return Err(IssuerFault::TooMuch);
        }
        if text.ends_with('/') {
            return Err(IssuerFault::TrailingSlash);
        }
        match scheme {
            "https" => {}
            "http" if is_loopback_host(host) => {}
            "http" => return Err(IssuerFault::Plain),
            _ => return Err(IssuerFault::NotAUrl),
        }
        let origin = Origin::from_url(text).map_err(|_| IssuerFault::NotAUrl)?;
        Ok(Self { text: text.to_owned(), origin })
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

    fn judge(text: &str) -> Result<IssuerUrl, IssuerFault> {
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
        ] {
            assert_eq!(judge(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn plain_http_stays_on_loopback() {
        for bad in [
            "http://auth.example",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://0.0.0.0:3000",
            "http://10.0.0.1",
            "http://[::]",
        ] {
            assert_eq!(judge(bad), Err(IssuerFault::Plain), "{bad}");
        }
    }

    #[test]
    fn what_a_token_could_not_name_is_no_issuer() {
        assert_eq!(judge("https://auth.example/"), Err(IssuerFault::TrailingSlash));
        assert_eq!(judge("https://auth.example/a/"), Err(IssuerFault::TrailingSlash));
        assert_eq!(judge("https://auth.example/?a"), Err(IssuerFault::TooMuch));
        assert_eq!(judge("https://user@auth.example"), Err(IssuerFault::TooMuch));
        for bad in [
            "",
            "auth.example",
            "ftp://auth.example",
            "https://",
            "https:///a",
            "https://a b",
            "/x",
            "https://b\u{fc}cher.example",
        ] {
            assert_eq!(judge(bad), Err(IssuerFault::NotAUrl), "{bad}");
        }
    }
}
