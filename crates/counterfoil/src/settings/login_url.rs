//! The page to which a browser without a credential is sent.

use std::fmt;
use std::str::FromStr;

use counterfoil_verify::Origin;

/// An absolute http or https URL without a query: `return_to` is added to it.
///
/// ```
/// use counterfoil::LoginUrl;
///
/// assert!("https://auth.example/login".parse::<LoginUrl>().is_ok());
/// assert!("/login".parse::<LoginUrl>().is_err());
/// assert!("https://auth.example/login?a=b".parse::<LoginUrl>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginUrl {
    text: Box<str>,
    origin: Origin,
}

/// The text is not the URL of a login page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be an http or https URL without a query, like https://auth.example/login")]
pub struct LoginUrlError;

impl LoginUrl {
    /// The URL as configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The origin of the page.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl FromStr for LoginUrl {
    type Err = LoginUrlError;

    fn from_str(text: &str) -> Result<Self, LoginUrlError> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>".contains(&byte);
        if !text.bytes().all(is_plain) {
            return Err(LoginUrlError);
        }
        let origin = Origin::from_url(text).map_err(|_| LoginUrlError)?;
        Ok(Self { text: text.into(), origin })
    }
}

impl fmt::Display for LoginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
