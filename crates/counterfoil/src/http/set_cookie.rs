//! The one file that writes `Set-Cookie`.

use std::fmt::Display;
use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use counterfoil_verify::{CookieNames, cookie_values};

/// The longest life that browsers grant a cookie (RFC 6265bis, section 5.5).
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The most bytes of name and value that browsers keep (RFC 6265bis, section 5.6).
const LARGEST: usize = 4096;

/// Which of our cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a session token.
    Session,
    /// Of an access token.
    Access,
    /// Of a refresh token.
    Refresh,
}

impl Kind {
    /// All three.
    pub(crate) const ALL: [Self; 3] = [Self::Session, Self::Access, Self::Refresh];

    /// The name of the cookie.
    pub(crate) const fn name(self, names: &CookieNames) -> &'static str {
        match self {
            Self::Session => names.session,
            Self::Access => names.access,
            Self::Refresh => names.refresh,
        }
    }

    /// The most bytes of a credential that browsers keep as this cookie.
    pub(crate) const fn room(self, names: &CookieNames) -> usize {
        LARGEST - self.name(names).len() - "=".len()
    }

    /// From where a browser shows it: a refresh token never comes with a link from elsewhere.
    const fn same_site(self) -> &'static str {
        match self {
            Self::Session | Self::Access => "Lax",
            Self::Refresh => "Strict",
        }
    }
}

/// The cookies that an answer sets and clears: at most one line for each name.
///
/// ```text
/// Set-Cookie: __Host-session=cfs_…; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=2592000
/// ```
#[derive(Debug, Clone)]
pub(crate) struct SetCookies {
    names: CookieNames,
    lines: [Option<HeaderValue>; 3],
}

/// A credential that no browser would keep as a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential is too large for a cookie")]
pub(crate) struct TooLarge;

impl SetCookies {
    /// None yet.
    pub(crate) const fn none(names: CookieNames) -> Self {
        Self { names, lines: [None, None, None] }
    }

    /// Sets the cookie of this kind, for as long as its credential lives.
    ///
    /// # Errors
    ///
    /// If a browser would not keep it.
    pub(crate) fn set(mut self, kind: Kind, value: &impl Display, life: Duration) -> Result<Self, TooLarge> {
        let value = value.to_string();
        if value.len() > kind.room(&self.names) {
            return Err(TooLarge);
        }
        let pair = format!("{}={value}", kind.name(&self.names));
        self.lines[kind as usize] = Some(self.line(kind, &pair, life.min(LONGEST)));
        Ok(self)
    }

    /// Clears the cookie of this kind, unless it is set.
    pub(crate) fn clear(mut self, kind: Kind) -> Self {
        if self.lines[kind as usize].is_none() {
            let pair = format!("{}=", kind.name(&self.names));
            self.lines[kind as usize] = Some(self.line(kind, &pair, Duration::ZERO));
        }
        self
    }

    /// Clears those of our cookies that a request shows, unless they are set.
    pub(crate) fn clear_shown(self, headers: &HeaderMap) -> Self {
        let names = self.names;
        let shown = Kind::ALL.into_iter().filter(|kind| is_shown(*kind, &names, headers));
        shown.fold(self, Self::clear)
    }

    /// A browser takes a cookie for the same only if all attributes are the same, so they are made here alone.
    fn line(&self, kind: Kind, pair: &str, life: Duration) -> HeaderValue {
        let secure = if self.names == CookieNames::secure() { " Secure;" } else { "" };
        let (site, age) = (kind.same_site(), life.as_secs());
        let text = format!("{pair}; Path=/; HttpOnly;{secure} SameSite={site}; Max-Age={age}");
        let mut line = HeaderValue::try_from(text).expect("credentials are made of visible ASCII");
        line.set_sensitive(true);
        line
    }
}

/// Whether a request shows a cookie of this kind, whatever it is worth.
pub(crate) fn is_shown(kind: Kind, names: &CookieNames, headers: &HeaderMap) -> bool {
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
    fn a_cookie_is_cleared_with_the_attributes_that_it_was_set_with() {
        for names in [CookieNames::secure(), CookieNames::loopback()] {
            for kind in Kind::ALL {
                let set = SetCookies::none(names).set(kind, &"value", DAY).unwrap();
                let cleared = SetCookies::none(names).clear(kind);

                let expected = lines(&set)[0].replace("=value", "=").replace("Max-Age=86400", "Max-Age=0");
                assert_eq!(lines(&cleared), [expected]);
            }
        }
    }

    #[test]
    fn the_attributes_are_those_of_the_contract() {
        let names = CookieNames::secure();
        let session = SetCookies::none(names).set(Kind::Session, &"s", DAY).unwrap();
        let refresh = SetCookies::none(names).set(Kind::Refresh, &"r", DAY).unwrap();
        let plain = SetCookies::none(CookieNames::loopback()).set(Kind::Session, &"s", DAY).unwrap();

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
    fn what_is_set_is_not_cleared_and_no_name_stands_twice() {
        let names = CookieNames::secure();
        let mut headers = HeaderMap::new();
        headers
            .insert(COOKIE, HeaderValue::from_static("__Host-session=a; __Host-session=b; __Host-access=c"));

        let set = SetCookies::none(names).set(Kind::Session, &"new", DAY).unwrap().clear_shown(&headers);

        let lines = lines(&set);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("__Host-session=new;") && lines[1].starts_with("__Host-access=;"));
    }

    #[test]
    fn no_cookie_lives_longer_or_is_larger_than_browsers_take() {
        let none = || SetCookies::none(CookieNames::secure());

        let long = none().set(Kind::Session, &"x", 1000 * DAY).unwrap();
        assert!(lines(&long)[0].ends_with("Max-Age=34560000"));
        let room = LARGEST - "__Host-access=".len();
        assert!(none().set(Kind::Access, &"x".repeat(room), DAY).is_ok());
        assert_eq!(none().set(Kind::Access, &"x".repeat(room + 1), DAY).unwrap_err(), TooLarge);
    }
}
