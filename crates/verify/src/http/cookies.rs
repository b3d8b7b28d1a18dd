//! The reading of cookies: exact names, every value, nothing lenient (RFC 6265, section 4.2).

use http::HeaderMap;
use http::header::COOKIE;

/// The names under which our three credentials travel as cookies.
///
/// ```
/// use counterfoil_verify::CookieNames;
///
/// assert_eq!(CookieNames::secure().session, "__Host-session");
/// assert_eq!(CookieNames::loopback().session, "counterfoil-session");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieNames {
    /// Of a session token.
    pub session: &'static str,
    /// Of an access token.
    pub access: &'static str,
    /// Of a refresh token.
    pub refresh: &'static str,
}

impl CookieNames {
    /// The names that a browser takes only from the host itself, over TLS and for all paths: no
    /// neighbouring subdomain can toss one of its own (RFC 6265bis, section 4.1.3.2).
    pub const fn secure() -> Self {
        Self { session: "__Host-session", access: "__Host-access", refresh: "__Host-refresh" }
    }

    /// The names for an issuer on plain HTTP and loopback, where no browser would take the others.
    pub const fn loopback() -> Self {
        Self { session: "counterfoil-session", access: "counterfoil-access", refresh: "counterfoil-refresh" }
    }

    /// The names that fit the scheme of `issuer`.
    pub fn for_issuer(issuer: &str) -> Self {
        if issuer.starts_with("http://") { Self::loopback() } else { Self::secure() }
    }

    /// Whether a request carries any of the three, whatever its value is worth.
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

/// Every value of the cookie with exactly this name, in all `Cookie` headers, in their order.
///
/// A value that is not ASCII is given as the empty text, which is no credential. A piece without
/// `=` names nothing and is passed over; quotes are part of a value.
///
/// ```
/// use counterfoil_verify::cookie_values;
/// use http::{HeaderMap, HeaderValue, header::COOKIE};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(COOKIE, HeaderValue::from_static("theme=dark; __Host-session=one; __host-session=no"));
/// headers.append(COOKIE, HeaderValue::from_static("__Host-session=two"));
///
/// let shown: Vec<_> = cookie_values(&headers, "__Host-session").collect();
/// assert_eq!(shown, ["one", "two"]);
/// ```
pub fn cookie_values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    cookie_pairs(headers)
        .filter(move |(found, _)| *found == name.as_bytes())
        .map(|(_, value)| ascii_or_empty(value))
}

/// All cookies of a request, names and values with the blanks around them cut.
pub(crate) fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pieces =
        headers.get_all(COOKIE).into_iter().flat_map(|header| header.as_bytes().split(|&byte| byte == b';'));
    pieces.filter_map(|piece| {
        let at = piece.iter().position(|&byte| byte == b'=')?;
        Some((piece[..at].trim_ascii(), piece[at + 1..].trim_ascii()))
    })
}

/// The text of a header's value, empty if it is not ASCII.
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
    fn a_cookies_name_is_compared_exactly() {
        let shown = headers(&[b"__host-session=a; __Host-sessio=b; __Host-session2=c; x__Host-session=d"]);

        assert_eq!(cookie_values(&shown, SESSION).count(), 0);
        assert!(!CookieNames::secure().any_present(&shown));
    }

    #[test]
    fn every_value_of_a_name_is_seen_in_its_order() {
        let shown = headers(&[b"__Host-session=1;__Host-session=2", b" __Host-session = 3 "]);

        assert_eq!(cookie_values(&shown, SESSION).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn malformed_cookies_name_nothing() {
        for line in
            [&b"__Host-session"[..], b"=__Host-session", b";;;;", b"", b"=", b"; =; ;=", &[b';'; 8192]]
        {
            assert_eq!(cookie_values(&headers(&[line]), SESSION).count(), 0, "{line:?}");
        }
    }

    #[test]
    fn a_value_that_is_not_ascii_is_no_credential() {
        let shown = headers(&[b"__Host-session=cfs_\xff\xfe"]);

        assert_eq!(cookie_values(&shown, SESSION).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn quotes_are_part_of_a_value() {
        let shown = headers(&[b"__Host-session=\"one\""]);

        assert_eq!(cookie_values(&shown, SESSION).collect::<Vec<_>>(), ["\"one\""]);
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_cookie_header_make_it_panic(bytes: Vec<u8>, name in any::<String>()) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let shown = HeaderMap::from_iter([(COOKIE, value)]);
                prop_assert!(cookie_values(&shown, &name).all(|text| text.is_ascii()));
            }
        }
    }
}
