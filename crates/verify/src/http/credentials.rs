//! Reads the credentials of a request from its headers: at most one of each kind, or an error.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::auth_error::AuthError;
use crate::credential::PresentedCredential;
use crate::http::cookies::{CookieNames, ascii_or_empty, cookie_pairs};

/// The prefix of session tokens. Any other bearer token is read as an access token.
const SESSION_PREFIX: &str = "cfs_";

/// The kinds of credential that a route accepts; all others are ignored.
///
/// ```
/// use counterfoil_verify::AcceptedCredentials;
///
/// let logout = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token();
/// assert!(logout.session_token && logout.access_token && logout.refresh_token);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedCredentials {
    /// Session tokens, in cookies and bearer headers.
    pub session_token: bool,
    /// Access tokens, in cookies and bearer headers.
    pub access_token: bool,
    /// Refresh tokens, in cookies.
    pub refresh_token: bool,
}

impl AcceptedCredentials {
    /// No credentials.
    pub const NONE: Self = Self { session_token: false, access_token: false, refresh_token: false };
    /// Session and access tokens: for most routes.
    pub const SESSION_OR_ACCESS_TOKEN: Self = Self { session_token: true, access_token: true, ..Self::NONE };
    /// Only refresh tokens.
    pub const REFRESH_TOKEN: Self = Self { refresh_token: true, ..Self::NONE };
    /// Only session tokens.
    pub const SESSION_TOKEN: Self = Self { session_token: true, ..Self::NONE };
    /// Only access tokens: for a resource server.
    pub const ACCESS_TOKEN: Self = Self { access_token: true, ..Self::NONE };

    /// Adds refresh tokens.
    #[must_use]
    pub const fn and_refresh_token(mut self) -> Self {
        self.refresh_token = true;
        self
    }

    const fn accepts(self, credential: PresentedCredential<'_>) -> bool {
        match credential {
            PresentedCredential::None => false,
            PresentedCredential::SessionToken(_) => self.session_token,
            PresentedCredential::AccessToken(_) => self.access_token,
        }
    }
}

/// Where a request presents its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialSource {
    /// Nowhere.
    None,
    /// Only in a cookie.
    Cookie,
    /// In `Authorization: Bearer`, and possibly also in a cookie.
    Bearer,
}

/// The request presents two different credentials where one is expected.
///
/// The order never decides between them, because an attacker on a neighbouring subdomain could have added
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than one credential was presented")]
pub struct MultipleCredentials;

impl From<MultipleCredentials> for AuthError {
    fn from(_: MultipleCredentials) -> Self {
        Self::MultipleCredentials
    }
}

/// The credentials of a request, of the accepted kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCredentials<'a> {
    /// The session or access token.
    pub credential: PresentedCredential<'a>,
    /// Where the session or access token is presented.
    pub source: CredentialSource,
    /// The refresh token. It does not conflict with an access token: a browser sends both cookies.
    pub refresh_token: Option<PresentedRefreshToken<'a>>,
}

/// The text of a refresh token, not verified. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresentedRefreshToken<'a>(pub &'a str);

impl std::fmt::Debug for PresentedRefreshToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedRefreshToken(..)")
    }
}

/// Reads the session or access token of a request.
///
/// # Errors
///
/// [`MultipleCredentials`], as for [`read_credentials`].
///
/// ```
/// use counterfoil_verify::{AcceptedCredentials, CookieNames, PresentedCredential, read_credential};
/// use http::{HeaderMap, HeaderValue, header};
///
/// let (names, accepted) = (CookieNames::secure(), AcceptedCredentials::SESSION_OR_ACCESS_TOKEN);
/// let mut headers = HeaderMap::new();
/// headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer cfs_one"));
/// let credential = read_credential(&headers, &names, accepted);
/// assert_eq!(credential, Ok(PresentedCredential::SessionToken("cfs_one")));
///
/// headers.insert(header::COOKIE, HeaderValue::from_static("__Host-session=cfs_two"));
/// assert!(read_credential(&headers, &names, accepted).is_err());
/// ```
pub fn read_credential<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
    accepted: AcceptedCredentials,
) -> Result<PresentedCredential<'a>, MultipleCredentials> {
    read_credentials(headers, names, accepted).map(|credentials| credentials.credential)
}

/// Reads all credentials of a request that are of the accepted kinds.
///
/// An `Authorization` scheme other than `Bearer` is ignored. The same text twice is one credential.
///
/// # Errors
///
/// [`MultipleCredentials`] for two different texts: in a cookie and in the bearer header, in two cookies of
/// one name, a session token and an access token, or two different `Authorization` headers.
pub fn read_credentials<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
    accepted: AcceptedCredentials,
) -> Result<RequestCredentials<'a>, MultipleCredentials> {
    let bearer = bearer_token(headers)?.map(classify).filter(|credential| accepted.accepts(*credential));
    let CookieCredentials { session, access, refresh } = CookieCredentials::read(headers, names, accepted)?;
    let cookie = at_most_one(
        session.map(PresentedCredential::SessionToken),
        access.map(PresentedCredential::AccessToken),
    )?;
    let credential = at_most_one(bearer, cookie)?.unwrap_or(PresentedCredential::None);
    let source = match (bearer, cookie) {
        (Some(_), _) => CredentialSource::Bearer,
        (None, Some(_)) => CredentialSource::Cookie,
        (None, None) => CredentialSource::None,
    };
    Ok(RequestCredentials { credential, source, refresh_token: refresh.map(PresentedRefreshToken) })
}

fn classify(token: &str) -> PresentedCredential<'_> {
    if token.starts_with(SESSION_PREFIX) {
        PresentedCredential::SessionToken(token)
    } else {
        PresentedCredential::AccessToken(token)
    }
}

/// Reads the bearer token of a request, of any kind (RFC 6750, section 2.1).
///
/// An empty token and one that is not ASCII become the empty string: it is presented, and invalid.
///
/// # Errors
///
/// [`MultipleCredentials`] for two different `Authorization` headers.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, MultipleCredentials> {
    let mut lines = headers.get_all(AUTHORIZATION).into_iter();
    let Some(first) = lines.next() else { return Ok(None) };
    if lines.any(|line| line != first) {
        return Err(MultipleCredentials);
    }
    Ok(parse_bearer(first.as_bytes()))
}

/// Schemes are case-insensitive (RFC 9110, section 11.1).
fn parse_bearer(line: &[u8]) -> Option<&str> {
    let (scheme, rest) = line.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || !matches!(rest.first(), None | Some(b' ')) {
        return None;
    }
    Some(ascii_or_empty(rest.trim_ascii()))
}

/// The cookies of the accepted kinds, each with its only value.
#[derive(Default)]
struct CookieCredentials<'a> {
    session: Option<&'a str>,
    access: Option<&'a str>,
    refresh: Option<&'a str>,
}

impl<'a> CookieCredentials<'a> {
    /// Reads the `Cookie` headers once for all kinds, because this is done for each request.
    fn read(
        headers: &'a HeaderMap,
        names: &CookieNames,
        accepted: AcceptedCredentials,
    ) -> Result<Self, MultipleCredentials> {
        let mut cookies = Self::default();
        for (name, value) in cookie_pairs(headers) {
            let cookie = if accepted.session_token && name == names.session().as_bytes() {
                &mut cookies.session
            } else if accepted.access_token && name == names.access().as_bytes() {
                &mut cookies.access
            } else if accepted.refresh_token && name == names.refresh().as_bytes() {
                &mut cookies.refresh
            } else {
                continue;
            };
            let value = ascii_or_empty(value);
            if cookie.replace(value).is_some_and(|first| first != value) {
                return Err(MultipleCredentials);
            }
        }
        Ok(cookies)
    }
}

fn at_most_one<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, MultipleCredentials> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(MultipleCredentials),
        (one, other) => Ok(one.or(other)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use http::header::COOKIE;

    use super::*;

    const NAMES: CookieNames = CookieNames::secure();

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn source(lines: &[(HeaderName, &str)]) -> Result<CredentialSource, MultipleCredentials> {
        read_credentials(&headers(lines), &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN)
            .map(|credentials| credentials.source)
    }

    #[test]
    fn a_session_token_is_recognized_by_its_prefix() {
        let request = headers(&[(AUTHORIZATION, "bEaReR   eyJ0.e30.AA")]);
        assert_eq!(
            read_credential(&request, &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN),
            Ok(PresentedCredential::AccessToken("eyJ0.e30.AA"))
        );

        let request = headers(&[(AUTHORIZATION, "Bearer cfs_x")]);
        assert_eq!(
            read_credential(&request, &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN),
            Ok(PresentedCredential::SessionToken("cfs_x"))
        );
    }

    #[test]
    fn other_schemes_are_ignored() {
        for line in ["Basic YTpi", "Bearers cfs_x", "cfs_x", "", "Bear", "DPoP eyJ"] {
            assert_eq!(source(&[(AUTHORIZATION, line)]), Ok(CredentialSource::None), "{line}");
        }
    }

    #[test]
    fn an_empty_bearer_token_is_presented_but_empty() {
        for line in ["Bearer", "Bearer ", "Bearer \u{fc}"] {
            let request = headers(&[(AUTHORIZATION, line)]);
            assert_eq!(
                read_credential(&request, &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN),
                Ok(PresentedCredential::AccessToken("")),
                "{line}"
            );
        }
    }

    #[test]
    fn two_cookies_of_one_name_are_refused_in_both_orders() {
        for line in ["__Host-session=a; __Host-session=b", "__Host-session=b; __Host-session=a"] {
            assert_eq!(source(&[(COOKIE, line)]), Err(MultipleCredentials));
        }
    }

    #[test]
    fn a_cookie_name_in_another_case_is_ignored() {
        assert_eq!(
            source(&[(COOKIE, "__host-session=evil; __Host-session=mine")]),
            Ok(CredentialSource::Cookie)
        );
    }

    #[test]
    fn two_different_credentials_are_refused_wherever_they_are() {
        let cookie = (COOKIE, "__Host-session=cfs_a");

        assert_eq!(source(&[cookie.clone(), (AUTHORIZATION, "Bearer cfs_b")]), Err(MultipleCredentials));
        assert_eq!(source(&[cookie.clone(), (AUTHORIZATION, "Bearer eyJ")]), Err(MultipleCredentials));
        assert_eq!(source(&[cookie.clone(), (COOKIE, "__Host-session=cfs_b")]), Err(MultipleCredentials));
        assert_eq!(source(&[cookie, (COOKIE, "__Host-access=eyJ")]), Err(MultipleCredentials));
        let twice = [(AUTHORIZATION, "Bearer cfs_a"), (AUTHORIZATION, "Bearer cfs_b")];
        assert_eq!(source(&twice), Err(MultipleCredentials));
        assert_eq!(
            source(&[(AUTHORIZATION, "Basic YTpi"), (AUTHORIZATION, "Bearer cfs_b")]),
            Err(MultipleCredentials)
        );
    }

    #[test]
    fn the_same_credential_twice_is_one_credential() {
        let cookie = (COOKIE, "__Host-session=cfs_a; __Host-session=cfs_a");

        assert_eq!(source(&[cookie, (AUTHORIZATION, "Bearer cfs_a")]), Ok(CredentialSource::Bearer));
    }

    #[test]
    fn kinds_that_a_route_does_not_accept_are_ignored() {
        let request = headers(&[
            (COOKIE, "__Host-access=one; __Host-access=two; __Host-refresh=cfr_a"),
            (AUTHORIZATION, "Bearer eyJ"),
        ]);

        let credentials = read_credentials(&request, &NAMES, AcceptedCredentials::REFRESH_TOKEN).unwrap();

        assert_eq!(credentials.credential, PresentedCredential::None);
        assert_eq!(credentials.refresh_token, Some(PresentedRefreshToken("cfr_a")));
        assert_eq!(
            read_credential(&request, &NAMES, AcceptedCredentials::SESSION_TOKEN),
            Ok(PresentedCredential::None)
        );
    }

    #[test]
    fn an_access_and_a_refresh_token_do_not_conflict() {
        let request = headers(&[(COOKIE, "__Host-access=eyJ; __Host-refresh=cfr_a")]);

        let credentials = read_credentials(
            &request,
            &NAMES,
            AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token(),
        )
        .unwrap();

        assert_eq!(credentials.credential, PresentedCredential::AccessToken("eyJ"));
        assert_eq!(credentials.refresh_token, Some(PresentedRefreshToken("cfr_a")));
    }

    #[test]
    fn debug_output_shows_no_credential() {
        let request = headers(&[(COOKIE, "__Host-session=cfs_secret; __Host-refresh=cfr_secret")]);

        let credentials = read_credentials(
            &request,
            &NAMES,
            AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token(),
        )
        .unwrap();

        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
