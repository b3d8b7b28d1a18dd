//! Strict parsing of cookies: exact names and all values (RFC 6265, section 4.2).

use http::HeaderMap;
use http::header::COOKIE;

/// The names of the cookies that carry Counterfoil's credentials.
///
/// ```
/// use counterfoil_verify::CookieNames;
///
/// assert_eq!(CookieNames::secure().session, "__Host-session");
/// assert_eq!(CookieNames::loopback().session, "counterfoil-session");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieNames {
    /// The cookie with a session token.
    pub session: &'static str,
    /// The cookie with an access token.
    pub access: &'static str,
    /// The cookie with a refresh token.
    pub refresh: &'static str,
}

impl CookieNames {
    /// Names with the prefix `__Host-`: a browser accepts them only from the host itself, over TLS and for
    /// all paths, so that another subdomain cannot set them (RFC 6265bis, section 4.1.3.2).
    pub const fn secure() -> Self {
        Self { session: "__Host-session", access: "__Host-access", refresh: "__Host-refresh" }
    }

    /// Names for an issuer on plain HTTP and loopback, where browsers refuse the prefix `__Host-`.
    pub const fn loopback() -> Self {
        Self { session: "counterfoil-session", access: "counterfoil-access", refresh: "counterfoil-refresh" }
    }

    /// The names for the scheme of `issuer`.
    pub fn for_issuer(issuer: &str) -> Self {
        if issuer.starts_with("http://") { Self::loopback() } else { Self::secure() }
    }

    /// Whether a request carries any of the three cookies, valid or not.
    pub fn any_present(&self, headers: &HeaderMap) -> bool {
        cookie_pairs(headers)
            .any(|(name, _)| [self.session, self.access, self.refresh].map(str::as_bytes).contains(&name))
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
    let parts =
        headers.get_all(COOKIE).into_iter().flat_map(|header| header.as_bytes().split(|&byte| byte == b';'));
    parts.filter_map(|part| {
        let at = part.iter().position(|&byte| byte == b'=')?;
        Some((part[..at].trim_ascii(), part[at + 1..].trim_ascii()))
    })
}

/// The text of a header value; empty if it is not ASCII.
pub(crate) fn ascii_or_empty(value: &[u8]) -> &str {
    if value.is_ascii() { str::from_utf8(value).unwrap_or_default() } else { "" }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    const SESSION: &str = CookieNames::secure().session;

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
