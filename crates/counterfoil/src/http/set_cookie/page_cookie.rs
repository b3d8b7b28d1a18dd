//! Cookies that hold no credential.

use std::time::Duration;

use counterfoil_verify::{CookieNames, cookie_values};
use http::HeaderMap;

use crate::http::cookie_scopes::CookieScope;
use crate::http::set_cookie::line::CookieLine;
use crate::settings::cookie_options::Cookies;

/// A cookie that holds no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageCookie {
    /// Marks a login that ends with the browser.
    Temporary,
    /// The language that the user has chosen.
    Language,
    /// What has just happened, for the next page.
    Flash,
    /// A random value, by which the doctor sees whether cookies return.
    Doctor,
}

impl PageCookie {
    /// The name, made from that of the session cookie: `__Host-session` gives `__Host-lang`, and `__Host-sid` gives
    /// `__Host-sid-lang`.
    pub(crate) fn name(self, names: &CookieNames) -> String {
        let suffix = match self {
            Self::Temporary => "temporary",
            Self::Language => "lang",
            Self::Flash => "flash",
            Self::Doctor => "doctor",
        };
        match names.session().strip_suffix("session") {
            Some(prefix) if prefix.is_empty() || prefix.ends_with('-') => format!("{prefix}{suffix}"),
            Some(_) | None => format!("{}-{suffix}", names.session()),
        }
    }

    /// The value in a request; of several the first, since it proves nothing.
    pub(crate) fn value<'a>(self, names: &CookieNames, headers: &'a HeaderMap) -> Option<&'a str> {
        cookie_values(headers, &self.name(names)).next()
    }

    /// Sets it in a response; a lifetime of zero clears it. `value` is a word of ASCII that the server has chosen.
    pub(crate) fn set(self, cookies: &Cookies, headers: &mut HeaderMap, value: &str, lifetime: Duration) {
        self.line(cookies, value, Some(lifetime)).append_to(headers);
    }

    /// The line that sets it; `None`: until the browser is closed.
    pub(super) fn line(self, cookies: &Cookies, value: &str, lifetime: Option<Duration>) -> CookieLine {
        let scope = CookieScope { domain: cookies.domain.clone(), path: cookies.path.clone() };
        let pair = format!("{}={value}", self.name(cookies.names()));
        CookieLine::new(cookies, &scope, cookies.same_site, &pair, lifetime)
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::cookie_options::CookieOptions;

    use super::*;

    #[test]
    fn the_cookies_of_the_pages_are_named_as_the_session_cookie() {
        let name = |options: CookieOptions, issuer: &str| {
            let cookies = options.for_issuer(&issuer.parse().unwrap()).unwrap();
            PageCookie::Language.name(cookies.names())
        };

        assert_eq!(name(CookieOptions::new(), "https://shop.example"), "__Host-lang");
        assert_eq!(name(CookieOptions::new(), "http://localhost:3000"), "counterfoil-lang");
        assert_eq!(name(CookieOptions::new().name("sid"), "https://shop.example"), "__Host-sid-lang");
        assert_eq!(name(CookieOptions::new().name("mysession"), "http://localhost"), "mysession-lang");
    }
}
