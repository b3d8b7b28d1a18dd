//! Writes `Set-Cookie`. No other file does.

use std::fmt::Display;
use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use counterfoil_verify::{CookieNames, cookie_values};

/// The longest `Max-Age` that browsers accept (RFC 6265bis, section 5.5).
const MAX_AGE_LIMIT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The largest name and value that browsers store, in bytes (RFC 6265bis, section 5.6).
const MAX_COOKIE_LEN: usize = 4096;

/// The kind of credential in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieKind {
    /// A session token.
    Session,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
}

impl CookieKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::Session, Self::Access, Self::Refresh];

    /// The name of the cookie.
    pub(crate) const fn name(self, names: &CookieNames) -> &'static str {
        match self {
            Self::Session => names.session,
            Self::Access => names.access,
            Self::Refresh => names.refresh,
        }
    }

    /// The longest credential, in bytes, that browsers store in this cookie.
    pub(crate) const fn max_value_len(self, names: &CookieNames) -> usize {
        MAX_COOKIE_LEN - self.name(names).len() - "=".len()
    }

    /// The `SameSite` attribute. A refresh token is not sent with a link from another site.
    const fn same_site(self) -> &'static str {
        match self {
            Self::Session | Self::Access => "Lax",
            Self::Refresh => "Strict",
        }
    }
}

/// The cookies that a response sets and clears: at most one line for each name.
///
/// ```text
/// Set-Cookie: __Host-session=cfs_…; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=2592000
/// ```
#[derive(Debug, Clone)]
pub(crate) struct SetCookies {
    names: CookieNames,
    lines: [Option<HeaderValue>; 3],
}

/// A credential is larger than browsers store in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential is too large for a cookie")]
pub(crate) struct CredentialTooLarge;

impl SetCookies {
    /// No cookies.
    pub(crate) const fn new(names: CookieNames) -> Self {
        Self { names, lines: [None, None, None] }
    }

    /// Sets the cookie of this kind, with the lifetime of its credential.
    ///
    /// # Errors
    ///
    /// [`CredentialTooLarge`] if browsers would not store it.
    pub(crate) fn set(
        mut self,
        kind: CookieKind,
        value: &impl Display,
        lifetime: Duration,
    ) -> Result<Self, CredentialTooLarge> {
        let value = value.to_string();
        if value.len() > kind.max_value_len(&self.names) {
            return Err(CredentialTooLarge);
        }
        let pair = format!("{}={value}", kind.name(&self.names));
        self.lines[kind as usize] = Some(self.line(kind, &pair, lifetime.min(MAX_AGE_LIMIT)));
        Ok(self)
    }

    /// Clears the cookie of this kind, unless it is set.
    pub(crate) fn clear(mut self, kind: CookieKind) -> Self {
        if self.lines[kind as usize].is_none() {
            let pair = format!("{}=", kind.name(&self.names));
            self.lines[kind as usize] = Some(self.line(kind, &pair, Duration::ZERO));
        }
        self
    }

    /// Clears the credential cookies that the request has, unless they are set.
    pub(crate) fn clear_presented(self, headers: &HeaderMap) -> Self {
        self.clear_presented_of(&CookieKind::ALL, headers)
    }

    /// Clears the cookies of these kinds that the request has, unless they are set.
    pub(crate) fn clear_presented_of(self, kinds: &[CookieKind], headers: &HeaderMap) -> Self {
        let names = self.names;
        let presented = kinds.iter().copied().filter(|kind| is_presented(*kind, &names, headers));
        presented.fold(self, Self::clear)
    }

    /// One place for all attributes: a browser replaces or clears a cookie only if `Path` and `Secure` match.
    fn line(&self, kind: CookieKind, pair: &str, lifetime: Duration) -> HeaderValue {
        let secure = if self.names == CookieNames::secure() { " Secure;" } else { "" };
        let (same_site, max_age) = (kind.same_site(), lifetime.as_secs());
        let text = format!("{pair}; Path=/; HttpOnly;{secure} SameSite={same_site}; Max-Age={max_age}");
        let mut line = HeaderValue::try_from(text).expect("credentials are printable ASCII");
        line.set_sensitive(true);
        line
    }
}

/// Whether the request has a cookie of this kind, valid or not.
pub(crate) fn is_presented(kind: CookieKind, names: &CookieNames, headers: &HeaderMap) -> bool {
    cookie_values(headers, kind.name(names)).next().is_some()
}

impl IntoResponseParts for SetCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        for line in self.lines.into_iter().flatten() {
            parts.headers_mut().append(SET_COOKIE, line);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn lines(set: &SetCookies) -> Vec<&str> {
        set.lines.iter().flatten().map(|line| line.to_str().unwrap()).collect()
    }

    #[test]
    fn a_cookie_is_cleared_with_the_attributes_it_was_set_with() {
        for names in [CookieNames::secure(), CookieNames::loopback()] {
            for kind in CookieKind::ALL {
                let set = SetCookies::new(names).set(kind, &"value", DAY).unwrap();
                let cleared = SetCookies::new(names).clear(kind);

                let expected = lines(&set)[0].replace("=value", "=").replace("Max-Age=86400", "Max-Age=0");
                assert_eq!(lines(&cleared), [expected]);
            }
        }
    }

    #[test]
    fn cookies_have_the_documented_attributes() {
        let names = CookieNames::secure();
        let session = SetCookies::new(names).set(CookieKind::Session, &"s", DAY).unwrap();
        let refresh = SetCookies::new(names).set(CookieKind::Refresh, &"r", DAY).unwrap();
        let plain = SetCookies::new(CookieNames::loopback()).set(CookieKind::Session, &"s", DAY).unwrap();

        assert_eq!(
            lines(&session),
            ["__Host-session=s; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=86400"]
        );
        assert_eq!(
            lines(&refresh),
            ["__Host-refresh=r; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=86400"]
        );
        assert_eq!(lines(&plain), ["counterfoil-session=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400"]);
    }

    #[test]
    fn a_cookie_that_is_set_is_not_cleared_too() {
        let names = CookieNames::secure();
        let mut headers = HeaderMap::new();
        headers
            .insert(COOKIE, HeaderValue::from_static("__Host-session=a; __Host-session=b; __Host-access=c"));

        let set =
            SetCookies::new(names).set(CookieKind::Session, &"new", DAY).unwrap().clear_presented(&headers);

        let lines = lines(&set);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("__Host-session=new;") && lines[1].starts_with("__Host-access=;"));
    }

    #[test]
    fn max_age_and_size_are_limited_to_what_browsers_accept() {
        let empty = || SetCookies::new(CookieNames::secure());

        let long = empty().set(CookieKind::Session, &"x", 1000 * DAY).unwrap();
        assert!(lines(&long)[0].ends_with("Max-Age=34560000"));
        let max_len = MAX_COOKIE_LEN - "__Host-access=".len();
        assert!(empty().set(CookieKind::Access, &"x".repeat(max_len), DAY).is_ok());
        assert_eq!(
            empty().set(CookieKind::Access, &"x".repeat(max_len + 1), DAY).unwrap_err(),
            CredentialTooLarge
        );
    }
}
