//! From a request's headers to what it shows: one credential of a kind, none, or too many.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::credential::PresentedCredential;
use crate::http::cookies::{CookieNames, ascii_or_empty, cookie_values};

/// What a session token begins with; any other bearer is taken for an access token.
const SESSION_PREFIX: &str = "cfs_";

/// Which kinds of credential a route reads; all others are as if they were not there.
///
/// ```
/// use counterfoil_verify::AcceptedCredentials;
///
/// let logout = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token();
/// assert!(logout.session_token && logout.access_token && logout.refresh_token);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedCredentials {
    /// Session tokens, as cookies and as bearers.
    pub session_token: bool,
    /// Access tokens, as cookies and as bearers.
    pub access_token: bool,
    /// PresentedRefreshToken tokens, as cookies.
    pub refresh_token: bool,
}

impl AcceptedCredentials {
    /// None at all.
    pub const NONE: Self = Self { session_token: false, access_token: false, refresh_token: false };
    /// Whatever says who is calling: what most routes read.
    pub const SESSION_OR_ACCESS_TOKEN: Self =
        Self { session_token: true, access_token: true, refresh_token: false };
    /// PresentedRefreshToken tokens alone.
    pub const REFRESH_TOKEN: Self = Self { session_token: false, access_token: false, refresh_token: true };
    /// Session tokens alone.
    pub const SESSION_TOKEN: Self = Self { session_token: true, access_token: false, refresh_token: false };
    /// Access tokens alone: a resource server without an issuer.
    pub const ACCESS_TOKEN: Self = Self { session_token: false, access_token: true, refresh_token: false };

    /// These, and refresh tokens too.
    #[must_use]
    pub const fn and_refresh_token(mut self) -> Self {
        self.refresh_token = true;
        self
    }
}

/// How a credential came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialSource {
    /// Not at all.
    None,
    /// As a cookie alone.
    Cookie,
    /// In `Authorization: Bearer`, and perhaps the same as a cookie.
    Bearer,
}

/// A request shows two different credentials where one is asked for.
///
/// Which of them is meant cannot be told from their order: a neighbour could have put one there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than one credential was shown")]
pub struct MultipleCredentials;

/// What a request shows of the kinds that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCredentials<'a> {
    /// Who it says is calling.
    pub credential: PresentedCredential<'a>,
    /// How it says so.
    pub source: CredentialSource,
    /// The refresh token, which has a place of its own: a browser with a pair shows both halves.
    pub refresh_token: Option<PresentedRefreshToken<'a>>,
}

/// The text of a refresh token, not judged yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresentedRefreshToken<'a>(pub &'a str);

impl std::fmt::Debug for PresentedRefreshToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedRefreshToken(..)")
    }
}

/// AcceptedCredentials who is calling: the session or access token that the request shows.
///
/// # Errors
///
/// [`MultipleCredentials`] as [`read_credentials`] says.
///
/// ```
/// use counterfoil_verify::{CookieNames, PresentedCredential, AcceptedCredentials, read_credential};
/// use http::{HeaderMap, HeaderValue, header};
///
/// let names = CookieNames::secure();
/// let mut headers = HeaderMap::new();
/// headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer cfs_one"));
/// assert_eq!(read_credential(&headers, &names, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN), Ok(PresentedCredential::SessionToken("cfs_one")));
///
/// headers.insert(header::COOKIE, HeaderValue::from_static("__Host-session=cfs_two"));
/// assert!(read_credential(&headers, &names, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN).is_err());
/// ```
pub fn read_credential<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
    reads: AcceptedCredentials,
) -> Result<PresentedCredential<'a>, MultipleCredentials> {
    read_credentials(headers, names, reads).map(|credentials| credentials.credential)
}

/// AcceptedCredentials all that a request shows of the kinds that the route reads.
///
/// `Authorization` with another scheme than `Bearer` shows nothing. The same text twice is one
/// credential.
///
/// # Errors
///
/// [`MultipleCredentials`] where two different texts are shown for one place: cookie and bearer, two cookies
/// of one name, a session beside an access token, two different `Authorization` headers.
pub fn read_credentials<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
    reads: AcceptedCredentials,
) -> Result<RequestCredentials<'a>, MultipleCredentials> {
    let bearer = bearer_token(headers)?.map(classify).filter(|shown| reads.accepts(*shown));
    let session = reads.session_token.then(|| one_cookie(headers, names.session)).transpose()?.flatten();
    let access = reads.access_token.then(|| one_cookie(headers, names.access)).transpose()?.flatten();
    let refresh = reads.refresh_token.then(|| one_cookie(headers, names.refresh)).transpose()?.flatten();

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

impl AcceptedCredentials {
    const fn accepts(self, shown: PresentedCredential<'_>) -> bool {
        match shown {
            PresentedCredential::None => false,
            PresentedCredential::SessionToken(_) => self.session_token,
            PresentedCredential::AccessToken(_) => self.access_token,
        }
    }
}

fn classify(token: &str) -> PresentedCredential<'_> {
    if token.starts_with(SESSION_PREFIX) {
        PresentedCredential::SessionToken(token)
    } else {
        PresentedCredential::AccessToken(token)
    }
}

/// The bearer token of a request, to be judged by whoever knows its kind (RFC 6750, section 2.1).
///
/// A bearer that is empty or no ASCII is given as the empty text: it was shown, and is worth nothing.
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

/// Schemes are compared without regard to case (RFC 9110, section 11.1).
fn parse_bearer(line: &[u8]) -> Option<&str> {
    let (scheme, rest) = line.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || !matches!(rest.first(), None | Some(b' ')) {
        return None;
    }
    Some(ascii_or_empty(rest.trim_ascii()))
}

fn one_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, MultipleCredentials> {
    let mut values = cookie_values(headers, name);
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(MultipleCredentials);
    }
    Ok(first)
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

    fn any(lines: &[(HeaderName, &str)]) -> Result<CredentialSource, MultipleCredentials> {
        read_credentials(&headers(lines), &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN)
            .map(|found| found.source)
    }

    #[test]
    fn a_bearer_is_told_by_its_prefix() {
        let shown = headers(&[(AUTHORIZATION, "bEaReR   eyJ0.e30.AA")]);
        assert_eq!(
            read_credential(&shown, &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN),
            Ok(PresentedCredential::AccessToken("eyJ0.e30.AA"))
        );

        let shown = headers(&[(AUTHORIZATION, "Bearer cfs_x")]);
        assert_eq!(
            read_credential(&shown, &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN),
            Ok(PresentedCredential::SessionToken("cfs_x"))
        );
    }

    #[test]
    fn other_schemes_show_nothing() {
        for line in ["Basic YTpi", "Bearers cfs_x", "cfs_x", "", "Bear", "DPoP eyJ"] {
            assert_eq!(any(&[(AUTHORIZATION, line)]), Ok(CredentialSource::None), "{line}");
        }
    }

    #[test]
    fn a_bearer_without_a_token_is_shown_and_worth_nothing() {
        for line in ["Bearer", "Bearer ", "Bearer \u{fc}"] {
            let shown = headers(&[(AUTHORIZATION, line)]);
            assert_eq!(
                read_credential(&shown, &NAMES, AcceptedCredentials::SESSION_OR_ACCESS_TOKEN),
                Ok(PresentedCredential::AccessToken("")),
                "{line}"
            );
        }
    }

    #[test]
    fn two_cookies_of_our_name_are_ambiguous_in_both_orders() {
        for line in ["__Host-session=a; __Host-session=b", "__Host-session=b; __Host-session=a"] {
            assert_eq!(any(&[(COOKIE, line)]), Err(MultipleCredentials));
        }
    }

    #[test]
    fn a_cookie_beside_a_cookie_of_another_case_is_not_ambiguous() {
        assert_eq!(
            any(&[(COOKIE, "__host-session=evil; __Host-session=mine")]),
            Ok(CredentialSource::Cookie)
        );
    }

    #[test]
    fn different_credentials_for_one_place_are_ambiguous_however_they_come() {
        let cookie = (COOKIE, "__Host-session=cfs_a");

        assert_eq!(any(&[cookie.clone(), (AUTHORIZATION, "Bearer cfs_b")]), Err(MultipleCredentials));
        assert_eq!(any(&[cookie.clone(), (AUTHORIZATION, "Bearer eyJ")]), Err(MultipleCredentials));
        assert_eq!(any(&[cookie.clone(), (COOKIE, "__Host-session=cfs_b")]), Err(MultipleCredentials));
        assert_eq!(any(&[cookie, (COOKIE, "__Host-access=eyJ")]), Err(MultipleCredentials));
        let twice = [(AUTHORIZATION, "Bearer cfs_a"), (AUTHORIZATION, "Bearer cfs_b")];
        assert_eq!(any(&twice), Err(MultipleCredentials));
        assert_eq!(
            any(&[(AUTHORIZATION, "Basic YTpi"), (AUTHORIZATION, "Bearer cfs_b")]),
            Err(MultipleCredentials)
        );
    }

    #[test]
    fn the_same_credential_shown_twice_is_one() {
        let cookie = (COOKIE, "__Host-session=cfs_a; __Host-session=cfs_a");

        assert_eq!(any(&[cookie, (AUTHORIZATION, "Bearer cfs_a")]), Ok(CredentialSource::Bearer));
    }

    #[test]
    fn what_a_route_does_not_read_is_not_there() {
        let shown = headers(&[
            (COOKIE, "__Host-access=one; __Host-access=two; __Host-refresh=cfr_a"),
            (AUTHORIZATION, "Bearer eyJ"),
        ]);

        let found = read_credentials(&shown, &NAMES, AcceptedCredentials::REFRESH_TOKEN).unwrap();

        assert_eq!(found.credential, PresentedCredential::None);
        assert_eq!(found.refresh_token, Some(PresentedRefreshToken("cfr_a")));
        assert_eq!(
            read_credential(&shown, &NAMES, AcceptedCredentials::SESSION_TOKEN),
            Ok(PresentedCredential::None)
        );
    }

    #[test]
    fn both_halves_of_a_pair_are_not_ambiguous() {
        let shown = headers(&[(COOKIE, "__Host-access=eyJ; __Host-refresh=cfr_a")]);

        let found = read_credentials(
            &shown,
            &NAMES,
            AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token(),
        )
        .unwrap();

        assert_eq!(found.credential, PresentedCredential::AccessToken("eyJ"));
        assert_eq!(found.refresh_token, Some(PresentedRefreshToken("cfr_a")));
    }

    #[test]
    fn debug_output_shows_no_credential() {
        let shown = headers(&[(COOKIE, "__Host-session=cfs_secret; __Host-refresh=cfr_secret")]);

        let found = read_credentials(
            &shown,
            &NAMES,
            AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token(),
        )
        .unwrap();

        assert!(!format!("{found:?}").contains("secret"));
    }
}
