//! Strict parsing of cookies: exact names and all values (RFC 6265, section 4.2).

use std::borrow::Cow;

use http::HeaderMap;
use http::header::COOKIE;

/// The longest name that [`CookieNames::new`] accepts, in bytes.
const MAX_NAME_LEN: usize = 64;

/// The names of the cookies that carry Counterfoil's credentials.
///
/// ```
/// use counterfoil_verify::{CookieNames, CookiePrefix};
///
/// assert_eq!(CookieNames::secure().session(), "__Host-session");
/// assert_eq!(CookieNames::loopback().session(), "counterfoil-session");
///
/// let names = CookieNames::new(CookiePrefix::Secure, "sid")?;
/// assert_eq!(names.session(), "__Secure-sid");
/// assert_eq!(names.refresh(), "__Secure-sid-refresh");
/// # Ok::<(), counterfoil_verify::CookieNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieNames {
    session: Cow<'static, str>,
    access: Cow<'static, str>,
    refresh: Cow<'static, str>,
}

/// The prefix of a cookie name (RFC 6265bis, section 4.1.3): what a browser requires of a cookie with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookiePrefix {
    /// No requirement, for an issuer on plain HTTP and loopback.
    None,
    /// `__Secure-`: the cookie was set over TLS. Another subdomain can set it too.
    Secure,
    /// `__Host-`: the cookie was set over TLS by the host itself, for all paths.
    Host,
}

impl CookiePrefix {
    /// The text before the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Secure => "__Secure-",
            Self::Host => "__Host-",
        }
    }
}

/// A text is not the name of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cookie name must be 1 to 64 letters, digits or characters of !#$%&'*+-.^_`|~, not start with `__Host` or `__Secure`, which are added where browsers accept them, and not end with `-access` or `-refresh`"
)]
pub struct CookieNameError;

impl CookieNames {
    /// Names with the prefix `__Host-`: a browser accepts them only from the host itself, over TLS and for
    /// all paths, so that another subdomain cannot set them (RFC 6265bis, section 4.1.3.2).
    pub const fn secure() -> Self {
        Self::from_static("__Host-session", "__Host-access", "__Host-refresh")
    }

    /// Names with the prefix `__Secure-`, for cookies with a `Domain`.
    pub const fn for_domain() -> Self {
        Self::from_static("__Secure-session", "__Secure-access", "__Secure-refresh")
    }

    /// Names for an issuer on plain HTTP and loopback, where browsers refuse the prefix `__Host-`.
    pub const fn loopback() -> Self {
        Self::from_static("counterfoil-session", "counterfoil-access", "counterfoil-refresh")
    }

    const fn from_static(session: &'static str, access: &'static str, refresh: &'static str) -> Self {
        Self {
            session: Cow::Borrowed(session),
            access: Cow::Borrowed(access),
            refresh: Cow::Borrowed(refresh),
        }
    }

    /// `name` for the session cookie, `name-access` and `name-refresh` for the others, each after `prefix`.
    ///
    /// # Errors
    ///
    /// If `name` is not a token (RFC 6265, section 4.1.1), is longer than 64 bytes, or has a prefix itself.
    pub fn new(prefix: CookiePrefix, name: &str) -> Result<Self, CookieNameError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let lower = name.to_ascii_lowercase();
        // Browsers compare prefixes without regard to case.
        // `__host` would become `__host-access`.
        let with_dash = format!("{lower}-");
        let has_prefix =
            ["__host-", "__secure-", "__http-"].iter().any(|prefix| with_dash.starts_with(prefix));
        // `shop-access` would be the session cookie of one application and the access cookie of another.
        let has_suffix = ["-access", "-refresh"].iter().any(|suffix| lower.ends_with(suffix));
        let is_reserved = has_prefix || has_suffix;
        if name.is_empty() || name.len() > MAX_NAME_LEN || is_reserved || !name.bytes().all(is_token) {
            return Err(CookieNameError);
        }
        let with_suffix = |suffix: &str| Cow::Owned(format!("{}{name}{suffix}", prefix.as_str()));
        Ok(Self {
            session: with_suffix(""),
            access: with_suffix("-access"),
            refresh: with_suffix("-refresh"),
        })
    }

    /// The names for the scheme of `issuer`.
    pub fn for_issuer(issuer: &str) -> Self {
        if issuer.starts_with("http://") { Self::loopback() } else { Self::secure() }
    }

    /// The cookie with a session token.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The cookie with an access token.
    pub fn access(&self) -> &str {
        &self.access
    }

    /// The cookie with a refresh token.
    pub fn refresh(&self) -> &str {
        &self.refresh
    }

    /// Whether a request carries any of the three cookies, valid or not.
    pub fn any_present(&self, headers: &HeaderMap) -> bool {
        let names = [self.session(), self.access(), self.refresh()].map(str::as_bytes);
        cookie_pairs(headers).any(|(name, _)| names.contains(&name))
    }
}

impl Default for CookieNames {
    fn default() -> Self {
        Self::secure()
    }
}

/// All values of the cookie with exactly this name, in all `Cookie` headers, in order.
///
/// A value that is not ASCII becomes the empty string, which is not a credential. A part without `=` is ignored;
/// quotes are part of a value.
///
/// ```
/// use counterfoil_verify::cookie_values;
/// use http::{HeaderMap, HeaderValue, header::COOKIE};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(COOKIE, HeaderValue::from_static("theme=dark; __Host-session=one; __host-session=no"));
/// headers.append(COOKIE, HeaderValue::from_static("__Host-session=two"));
///
/// let values: Vec<_> = cookie_values(&headers, "__Host-session").collect();
/// assert_eq!(values, ["one", "two"]);
/// ```
pub fn cookie_values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    cookie_pairs(headers)
        .filter(move |(found, _)| *found == name.as_bytes())
        .map(|(_, value)| ascii_or_empty(value))
}

/// All cookies of a request; names and values are trimmed.
pub(crate) fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = headers.get_all(COOKIE).into_iter().flat_map(|line| Parts(Some(line.as_bytes())));
    parts.filter_map(|part| {
        let at = part.iter().position(|&byte| byte == b'=')?;
        Some((part[..at].trim_ascii(), part[at + 1..].trim_ascii()))
    })
}

/// The parts of a line between semicolons; what is left of the line.
struct Parts<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.0.take()?;
        // It reads many bytes at once. The last part is often the only one, and the longest: a token.
        if !line.contains(&b';') {
            return Some(line);
        }
        let at = line.iter().position(|&byte| byte == b';')?;
        self.0 = Some(&line[at + 1..]);
        Some(&line[..at])
    }
}

/// The text of a header value; empty if it is not ASCII.
pub(crate) fn ascii_or_empty(value: &[u8]) -> &str {
    // Every byte is read, so that the loop reads many at once; `is_ascii` takes four times as long for a token.
    let is_ascii = value.iter().fold(0, |all, byte| all | byte) < 0x80;
    if is_ascii { str::from_utf8(value).unwrap_or_default() } else { "" }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    const SESSION: &str = "__Host-session";

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    #[test]
    fn cookie_names_are_compared_exactly() {
        let request = headers(&[b"__host-session=a; __Host-sessio=b; __Host-session2=c; x__Host-session=d"]);

        assert_eq!(cookie_values(&request, SESSION).count(), 0);
        assert!(!CookieNames::secure().any_present(&request));
    }

    #[test]
    fn a_configured_name_gets_the_prefix_and_names_all_three_cookies() {
        let names = CookieNames::new(CookiePrefix::Host, "sid").unwrap();

        assert_eq!(
            [names.session(), names.access(), names.refresh()],
            ["__Host-sid", "__Host-sid-access", "__Host-sid-refresh"]
        );
        assert!(names.any_present(&headers(&[b"a=b; __Host-sid-refresh=x"])));
        assert!(!names.any_present(&headers(&[b"sid=x; __Host-session=y"])));
        for bad in [
            "",
            "a b",
            "a;b",
            "a=b",
            "\u{fc}",
            "a\nb",
            "__Host-sid",
            "__SECURE-sid",
            "__Host",
            "shop-access",
            &"a".repeat(65),
        ] {
            assert_eq!(CookieNames::new(CookiePrefix::Host, bad), Err(CookieNameError), "{bad:?}");
        }
    }

    #[test]
    fn all_values_of_a_name_are_returned_in_order() {
        let request = headers(&[b"__Host-session=1;__Host-session=2", b" __Host-session = 3 "]);

        assert_eq!(cookie_values(&request, SESSION).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn malformed_cookies_are_ignored() {
        for line in
            [&b"__Host-session"[..], b"=__Host-session", b";;;;", b"", b"=", b"; =; ;=", &[b';'; 8192]]
        {
            assert_eq!(cookie_values(&headers(&[line]), SESSION).count(), 0, "{line:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_ascii_is_not_a_credential() {
        let request = headers(&[b"__Host-session=cfs_\xff\xfe"]);

        assert_eq!(cookie_values(&request, SESSION).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn quotes_are_part_of_a_value() {
        let request = headers(&[b"__Host-session=\"one\""]);

        assert_eq!(cookie_values(&request, SESSION).collect::<Vec<_>>(), ["\"one\""]);
    }

    proptest! {
        #[test]
        fn no_cookie_header_causes_a_panic(bytes: Vec<u8>, name in any::<String>()) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let request = HeaderMap::from_iter([(COOKIE, value)]);
                prop_assert!(cookie_values(&request, &name).all(|text| text.is_ascii()));
            }
        }
    }
}
