//! The cookies of a response.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderValue};

use counterfoil_jose::Time;
use counterfoil_verify::{CookieNames, cookie_values};

use crate::http::cookie_scopes::CookieScope;
use crate::http::set_cookie::duplicates::DuplicateCookies;
use crate::http::set_cookie::line::CookieLine;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::operations::credential::IssuedCredential;
use crate::settings::cookie_options::{CookieKind, Cookies, SameSite};

pub(crate) mod duplicates;
mod line;
pub(crate) mod page_cookie;

/// The cookies that a response sets and clears: at most one line for each name. Part of a response in axum.
///
/// ```text
/// Set-Cookie: __Host-session=cfs_…; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=2592000
/// ```
#[derive(Debug, Clone)]
pub struct SetCookies {
    cookies: Arc<Cookies>,
    lines: [Option<CookieLine>; 3],
    /// The line that sets or clears the mark of a temporary login.
    mark: Option<CookieLine>,
    persistence: Persistence,
    duplicates: Vec<CookieKind>,
}

/// How long a browser keeps the cookies of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Persistence {
    /// As long as the credentials live.
    Lifetime,
    /// Until the browser is closed, and no longer than the credentials live. A cookie marks such a login, so that later
    /// answers, which renew the credentials, set no longer ones.
    BrowserSession,
}

/// A credential is larger than browsers store in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential is too large for a cookie")]
pub(crate) struct CredentialTooLarge;

impl SetCookies {
    /// No cookies.
    pub(crate) fn new(cookies: &Arc<Cookies>) -> Self {
        Self {
            cookies: Arc::clone(cookies),
            lines: [None, None, None],
            mark: None,
            persistence: Persistence::Lifetime,
            duplicates: Vec::new(),
        }
    }

    /// Also clears the cookies of this kind that a browser holds at other scopes than the configured one. This installation has
    /// not set them, or it had other options then.
    pub(crate) fn clear_other_scopes(mut self, kind: CookieKind) -> Self {
        self.duplicates.push(kind);
        self
    }

    /// The values of the response's `Set-Cookie` headers, for a response that is not made with axum.
    pub fn lines(&self) -> impl Iterator<Item = &HeaderValue> {
        self.set_lines().map(CookieLine::value)
    }

    fn set_lines(&self) -> impl Iterator<Item = &CookieLine> {
        self.lines.iter().chain([&self.mark]).flatten()
    }

    /// Adds the cookies to a response that may have set or cleared some of them itself: those stay.
    pub(crate) fn add_missing(&self, headers: &mut HeaderMap) {
        let missing: Vec<_> =
            self.set_lines().filter(|line| !line.is_replaced_in(headers)).cloned().collect();
        for line in missing {
            line.append_to(headers);
        }
    }

    /// Sets cookies without `Max-Age` from here on: the browser forgets them when it is closed. The user is on a device of
    /// others.
    pub(crate) fn until_browser_closes(mut self) -> Self {
        self.persistence = Persistence::BrowserSession;
        self.mark = Some(PageCookie::Temporary.line(&self.cookies, "1", None));
        self
    }

    /// As the login of the request: if that one ends with the browser, so do the cookies that are set from here on.
    pub(crate) fn like_presented(self, headers: &HeaderMap) -> Self {
        match PageCookie::Temporary.value(self.cookies.names(), headers) {
            Some(_) => self.until_browser_closes(),
            None => self,
        }
    }

    /// Clears the mark of a temporary login, if the request has it and none is set.
    pub(crate) fn clear_mark(mut self, headers: &HeaderMap) -> Self {
        let is_presented = PageCookie::Temporary.value(self.cookies.names(), headers).is_some();
        if is_presented && self.mark.is_none() {
            self.mark = Some(PageCookie::Temporary.line(&self.cookies, "", Some(Duration::ZERO)));
        }
        self
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
        if value.len() > kind.max_value_len(self.cookies.names()) {
            return Err(CredentialTooLarge);
        }
        let pair = format!("{}={value}", kind.name(self.cookies.names()));
        let max_age = match self.persistence {
            Persistence::Lifetime => Some(lifetime),
            Persistence::BrowserSession => None,
        };
        self.lines[kind as usize] = Some(self.line(kind, &pair, max_age));
        Ok(self)
    }

    /// Sets a cookie for each credential.
    ///
    /// # Errors
    ///
    /// [`CredentialTooLarge`] if browsers would not store one of them.
    pub(crate) fn set_all(
        self,
        credentials: &[IssuedCredential],
        now: Time,
    ) -> Result<Self, CredentialTooLarge> {
        credentials.iter().try_fold(self, |cookies, credential| {
            cookies.set(credential.kind, &credential.text, credential.lifetime(now))
        })
    }

    /// Clears the cookie of this kind, unless it is set.
    pub(crate) fn clear(mut self, kind: CookieKind) -> Self {
        if self.lines[kind as usize].is_none() {
            let pair = format!("{}=", kind.name(self.cookies.names()));
            self.lines[kind as usize] = Some(self.line(kind, &pair, Some(Duration::ZERO)));
        }
        self
    }

    /// Clears the cookies of all kinds that are not set, whether the request has them or not.
    pub(crate) fn clear_all(self) -> Self {
        CookieKind::ALL.into_iter().fold(self, Self::clear)
    }

    /// Clears the credential cookies that the request has, unless they are set.
    pub(crate) fn clear_presented(self, headers: &HeaderMap) -> Self {
        self.clear_presented_of(&CookieKind::ALL, headers)
    }

    /// Clears the cookies of these kinds that the request has, unless they are set.
    pub(crate) fn clear_presented_of(self, kinds: &[CookieKind], headers: &HeaderMap) -> Self {
        let names = Arc::clone(self.cookies.names());
        let presented = kinds.iter().copied().filter(|kind| is_presented(*kind, &names, headers));
        presented.fold(self, Self::clear)
    }

    fn line(&self, kind: CookieKind, pair: &str, max_age: Option<Duration>) -> CookieLine {
        let Cookies { domain, path, .. } = &*self.cookies;
        let scope = CookieScope { domain: domain.clone(), path: path.clone() };
        CookieLine::new(&self.cookies, &scope, kind.same_site(self.cookies.same_site), pair, max_age)
    }
}

/// Sets a cookie of a guarded host in a response, for that host alone; `None`: until the browser is closed. A lifetime of zero
/// clears it.
pub(crate) fn set_host_cookie(
    cookies: &Cookies,
    headers: &mut HeaderMap,
    name: &str,
    value: &impl Display,
    lifetime: Option<Duration>,
) {
    let scope = CookieScope { domain: None, path: "/".to_owned() };
    CookieLine::new(cookies, &scope, SameSite::Lax, &format!("{name}={value}"), lifetime).append_to(headers);
}

/// Whether the request has a cookie of this kind, valid or not.
pub(crate) fn is_presented(kind: CookieKind, names: &CookieNames, headers: &HeaderMap) -> bool {
    cookie_values(headers, kind.name(names)).next().is_some()
}

impl IntoResponseParts for SetCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        for line in self.lines.into_iter().chain([self.mark]).flatten() {
            line.append_to(parts.headers_mut());
        }
        if !self.duplicates.is_empty() {
            let duplicates = DuplicateCookies { cookies: self.cookies, kinds: self.duplicates };
            parts.extensions_mut().insert(duplicates);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use crate::settings::cookie_options::{CookieOptions, MAX_COOKIE_LEN};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn cookies(options: CookieOptions, issuer: &str) -> Arc<Cookies> {
        Arc::new(options.for_issuer(&issuer.parse().unwrap()).unwrap())
    }

    fn secure() -> Arc<Cookies> {
        cookies(CookieOptions::new(), "https://shop.example")
    }

    fn loopback() -> Arc<Cookies> {
        cookies(CookieOptions::new(), "http://localhost:3000")
    }

    fn lines(set: &SetCookies) -> Vec<&str> {
        set.lines().map(|line| line.to_str().unwrap()).collect()
    }

    #[test]
    fn a_cookie_is_cleared_with_the_attributes_it_was_set_with() {
        let domain = CookieOptions::new().name("sid").domain("shop.example").same_site(SameSite::None);
        for cookies in [secure(), loopback(), cookies(domain, "https://auth.shop.example")] {
            for kind in CookieKind::ALL {
                let set = SetCookies::new(&cookies).set(kind, &"value", DAY).unwrap();
                let cleared = SetCookies::new(&cookies).clear(kind);

                let expected = lines(&set)[0].replace("=value", "=").replace("Max-Age=86400", "Max-Age=0");
                assert_eq!(lines(&cleared), [expected]);
            }
        }
    }

    #[test]
    fn cookies_have_the_documented_attributes() {
        let names = &secure();
        let session = SetCookies::new(names).set(CookieKind::Session, &"s", DAY).unwrap();
        let refresh = SetCookies::new(names).set(CookieKind::Refresh, &"r", DAY).unwrap();
        let plain = SetCookies::new(&loopback()).set(CookieKind::Session, &"s", DAY).unwrap();

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
    fn configured_attributes_are_those_of_all_cookies() {
        let options = CookieOptions::new().name("sid").domain("shop.example").path("/app");
        let set = |options: CookieOptions, kind| {
            let cookies = cookies(options, "https://auth.shop.example");
            lines(&SetCookies::new(&cookies).set(kind, &"v", DAY).unwrap())[0].to_owned()
        };

        assert_eq!(
            set(options.clone(), CookieKind::Session),
            "__Secure-sid=v; Domain=shop.example; Path=/app; HttpOnly; Secure; SameSite=Lax; Max-Age=86400"
        );
        let strict = set(options.clone().same_site(SameSite::Strict), CookieKind::Access);
        assert!(
            strict.starts_with("__Secure-sid-access=v;") && strict.contains("SameSite=Strict"),
            "{strict}"
        );
        for (same_site, expected) in [(SameSite::Lax, "Strict"), (SameSite::None, "None")] {
            let refresh = set(options.clone().same_site(same_site), CookieKind::Refresh);
            assert!(refresh.contains(&format!("SameSite={expected};")), "{refresh}");
        }
    }

    #[test]
    fn a_cookie_that_is_set_is_not_cleared_too() {
        let mut headers = HeaderMap::new();
        headers
            .insert(COOKIE, HeaderValue::from_static("__Host-session=a; __Host-session=b; __Host-access=c"));

        let set = SetCookies::new(&secure())
            .set(CookieKind::Session, &"new", DAY)
            .unwrap()
            .clear_presented(&headers);

        let lines = lines(&set);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("__Host-session=new;") && lines[1].starts_with("__Host-access=;"));
    }

    #[test]
    fn a_temporary_login_stays_temporary_when_its_credentials_are_renewed() {
        let set = |cookies: SetCookies| cookies.set(CookieKind::Refresh, &"r", DAY).unwrap();
        let first = set(SetCookies::new(&secure()).until_browser_closes());
        assert_eq!(
            lines(&first),
            [
                "__Host-refresh=r; Path=/; HttpOnly; Secure; SameSite=Strict",
                "__Host-temporary=1; Path=/; HttpOnly; Secure; SameSite=Lax"
            ]
        );

        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("__Host-temporary=1"));
        let renewed = set(SetCookies::new(&secure()).like_presented(&headers));
        assert_eq!(lines(&renewed), lines(&first));

        let lasting = set(SetCookies::new(&secure()).clear_mark(&headers));
        assert!(lines(&lasting)[0].ends_with("Max-Age=86400"), "{lasting:?}");
        assert!(
            lines(&lasting)[1].starts_with("__Host-temporary=;") && lines(&lasting)[1].ends_with("Max-Age=0")
        );
    }

    #[test]
    fn max_age_and_size_are_limited_to_what_browsers_accept() {
        let empty = || SetCookies::new(&secure());

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
