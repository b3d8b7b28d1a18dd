//! One line of `Set-Cookie`. No other file writes this header.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::http::cookie_scopes::CookieScope;
use crate::settings::cookie_options::{Cookies, SameSite};

/// The longest `Max-Age` that browsers accept (RFC 6265bis, section 5.5).
const MAX_AGE_LIMIT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The value of a `Set-Cookie` header.
#[derive(Debug, Clone)]
pub(super) struct CookieLine(HeaderValue);

impl CookieLine {
    /// Sets `pair`, a name and a value as `name=value`, at this scope. `None` keeps the cookie until the browser is closed, a
    /// lifetime of zero clears it.
    ///
    /// One place for all attributes: a browser replaces or clears a cookie only if `Domain`, `Path` and `Secure` match.
    pub(super) fn new(
        cookies: &Cookies,
        scope: &CookieScope,
        same_site: SameSite,
        pair: &str,
        lifetime: Option<Duration>,
    ) -> Self {
        let (Cookies { is_secure, .. }, CookieScope { domain, path }) = (cookies, scope);
        let domain = domain.as_ref().map_or_else(String::new, |domain| format!("Domain={domain}; "));
        let secure = if *is_secure { "Secure; " } else { "" };
        let same_site = same_site.as_str();
        let seconds = lifetime.map(|lifetime| lifetime.min(MAX_AGE_LIMIT).as_secs());
        let max_age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let text = format!("{pair}; {domain}Path={path}; HttpOnly; {secure}SameSite={same_site}{max_age}");
        let mut line = HeaderValue::try_from(text).expect("credentials are printable ASCII");
        line.set_sensitive(true);
        Self(line)
    }

    /// The value of the header.
    pub(super) const fn value(&self) -> &HeaderValue {
        &self.0
    }

    /// Adds the line to a response.
    pub(super) fn append_to(self, headers: &mut HeaderMap) {
        headers.append(SET_COOKIE, self.0);
    }

    /// Whether a response sets or clears a cookie of the same name already.
    pub(super) fn is_replaced_in(&self, headers: &HeaderMap) -> bool {
        headers.get_all(SET_COOKIE).iter().any(|other| name(other) == name(&self.0))
    }
}

/// The name of the cookie that a line sets.
fn name(line: &HeaderValue) -> &[u8] {
    line.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}
