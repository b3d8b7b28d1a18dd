//! From a request's headers to what it shows: one credential of a kind, none, or too many.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::credential::Presented;
use crate::http::cookies::{CookieNames, text_of, values_of};

/// What a session token begins with; any other bearer is taken for an access token.
const SESSION_PREFIX: &str = "cfs_";

/// Which kinds of credential a route reads; all others are as if they were not there.
///
/// ```
/// use counterfoil_verify::Reads;
///
/// let logout = Reads::ANY_CREDENTIAL.and_refresh();
/// assert!(logout.session && logout.access && logout.refresh);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Session tokens, as cookies and as bearers.
    pub session: bool,
    /// Access tokens, as cookies and as bearers.
    pub access: bool,
    /// Refresh tokens, as cookies.
    pub refresh: bool,
}

impl Reads {
    /// None at all.
    pub const NOTHING: Self = Self { session: false, access: false, refresh: false };
    /// Whatever says who is calling: what most routes read.
    pub const ANY_CREDENTIAL: Self = Self { session: true, access: true, refresh: false };
    /// Refresh tokens alone.
    pub const REFRESH: Self = Self { session: false, access: false, refresh: true };
    /// Session tokens alone.
    pub const SESSION: Self = Self { session: true, access: false, refresh: false };
    /// Access tokens alone: a resource server without an issuer.
    pub const ACCESS: Self = Self { session: false, access: true, refresh: false };

    /// These, and refresh tokens too.
    #[must_use]
    pub const fn and_refresh(mut self) -> Self {
        self.refresh = true;
        self
    }
}

/// How a credential came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Not at all.
    Nothing,
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
pub struct Ambiguous;

/// What a request shows of the kinds that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// Who it says is calling.
    pub presented: Presented<'a>,
    /// How it says so.
    pub shown: Shown,
    /// The refresh token, which has a place of its own: a browser with a pair shows both halves.
    pub refresh: Option<Refresh<'a>>,
}

/// The text of a refresh token, not judged yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refresh<'a>(pub &'a str);

impl std::fmt::Debug for Refresh<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refresh(..)")
    }
}

/// Reads who is calling: the session or access token that the request shows.
///
/// # Errors
///
/// [`Ambiguous`] as [`read_all`] says.
///
/// ```
/// use counterfoil_verify::{CookieNames, Presented, Reads, credentials};
/// use http::{HeaderMap, HeaderValue, header};
///
/// let names = CookieNames::secure();
/// let mut headers = HeaderMap::new();
/// headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer cfs_one"));
/// assert_eq!(credentials::read(&headers, &names, Reads::ANY_CREDENTIAL), Ok(Presented::Session("cfs_one")));
///
/// headers.insert(header::COOKIE, HeaderValue::from_static("__Host-session=cfs_two"));
/// assert!(credentials::read(&headers, &names, Reads::ANY_CREDENTIAL).is_err());
/// ```
pub fn read<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
    reads: Reads,
) -> Result<Presented<'a>, Ambiguous> {
    read_all(headers, names, reads).map(|credentials| credentials.presented)
}

/// Reads all that a request shows of the kinds that the route reads.
///
/// `Authorization` with another scheme than `Bearer` shows nothing. The same text twice is one
/// credential.
///
/// # Errors
///
/// [`Ambiguous`] where two different texts are shown for one place: cookie and bearer, two cookies
/// of one name, a session beside an access token, two different `Authorization` headers.
pub fn read_all<'a>(
    headers: &'a HeaderMap,
    names: &CookieNames,
    reads: Reads,
) -> Result<Credentials<'a>, Ambiguous> {
    let bearer = bearer(headers)?.map(classified).filter(|shown| reads.takes(*shown));
    let session = reads.session.then(|| one_cookie(headers, names.session)).transpose()?.flatten();
    let access = reads.access.then(|| one_cookie(headers, names.access)).transpose()?.flatten();
    let refresh = reads.refresh.then(|| one_cookie(headers, names.refresh)).transpose()?.flatten();

    let cookie = one_of(session.map(Presented::Session), access.map(Presented::Access))?;
    let presented = one_of(bearer, cookie)?.unwrap_or(Presented::None);
    let shown = match (bearer, cookie) {
        (Some(_), _) => Shown::Bearer,
        (None, Some(_)) => Shown::Cookie,
        (None, None) => Shown::Nothing,
    };
    Ok(Credentials { presented, shown, refresh: refresh.map(Refresh) })
}

impl Reads {
    const fn takes(self, shown: Presented<'_>) -> bool {
        match shown {
            Presented::None => false,
            Presented::Session(_) => self.session,
            Presented::Access(_) => self.access,
        }
    }
}

fn classified(token: &str) -> Presented<'_> {
    if token.starts_with(SESSION_PREFIX) { Presented::Session(token) } else { Presented::Access(token) }
}

/// The bearer token of a request, to be judged by whoever knows its kind (RFC 6750, section 2.1).
///
/// A bearer that is empty or no ASCII is given as the empty text: it was shown, and is worth nothing.
///
/// # Errors
///
/// [`Ambiguous`] for two different `Authorization` headers.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Ambiguous> {
    let mut lines = headers.get_all(AUTHORIZATION).into_iter();
    let Some(first) = lines.next() else { return Ok(None) };
    if lines.any(|line| line != first) {
        return Err(Ambiguous);
    }
    Ok(bearer_of(first.as_bytes()))
}

/// Schemes are compared without regard to case (RFC 9110, section 11.1).
fn bearer_of(line: &[u8]) -> Option<&str> {
    let (scheme, rest) = line.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || !matches!(rest.first(), None | Some(b' ')) {
        return None;
    }
    Some(text_of(rest.trim_ascii()))
}

fn one_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Ambiguous> {
    let mut values = values_of(headers, name);
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(Ambiguous);
    }
    Ok(first)
}

fn one_of<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, Ambiguous> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Ambiguous),
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

    fn any(lines: &[(HeaderName, &str)]) -> Result<Shown, Ambiguous> {
        read_all(&headers(lines), &NAMES, Reads::ANY_CREDENTIAL).map(|found| found.shown)
    }

    #[test]
    fn a_bearer_is_told_by_its_prefix() {
        let shown = headers(&[(AUTHORIZATION, "bEaReR   eyJ0.e30.AA")]);
        assert_eq!(read(&shown, &NAMES, Reads::ANY_CREDENTIAL), Ok(Presented::Access("eyJ0.e30.AA")));

        let shown = headers(&[(AUTHORIZATION, "Bearer cfs_x")]);
        assert_eq!(read(&shown, &NAMES, Reads::ANY_CREDENTIAL), Ok(Presented::Session("cfs_x")));
    }

    #[test]
    fn other_schemes_show_nothing() {
        for line in ["Basic YTpi", "Bearers cfs_x", "cfs_x", "", "Bear", "DPoP eyJ"] {
            assert_eq!(any(&[(AUTHORIZATION, line)]), Ok(Shown::Nothing), "{line}");
        }
    }

    #[test]
    fn a_bearer_without_a_token_is_shown_and_worth_nothing() {
        for line in ["Bearer", "Bearer ", "Bearer \u{fc}"] {
            let shown = headers(&[(AUTHORIZATION, line)]);
            assert_eq!(read(&shown, &NAMES, Reads::ANY_CREDENTIAL), Ok(Presented::Access("")), "{line}");
        }
    }

    #[test]
    fn two_cookies_of_our_name_are_ambiguous_in_both_orders() {
        for line in ["__Host-session=a; __Host-session=b", "__Host-session=b; __Host-session=a"] {
            assert_eq!(any(&[(COOKIE, line)]), Err(Ambiguous));
        }
    }

    #[test]
    fn a_cookie_beside_a_cookie_of_another_case_is_not_ambiguous() {
        assert_eq!(any(&[(COOKIE, "__host-session=evil; __Host-session=mine")]), Ok(Shown::Cookie));
    }

    #[test]
    fn different_credentials_for_one_place_are_ambiguous_however_they_come() {
        let cookie = (COOKIE, "__Host-session=cfs_a");

        assert_eq!(any(&[cookie.clone(), (AUTHORIZATION, "Bearer cfs_b")]), Err(Ambiguous));
        assert_eq!(any(&[cookie.clone(), (AUTHORIZATION, "Bearer eyJ")]), Err(Ambiguous));
        assert_eq!(any(&[cookie.clone(), (COOKIE, "__Host-session=cfs_b")]), Err(Ambiguous));
        assert_eq!(any(&[cookie, (COOKIE, "__Host-access=eyJ")]), Err(Ambiguous));
        let twice = [(AUTHORIZATION, "Bearer cfs_a"), (AUTHORIZATION, "Bearer cfs_b")];
        assert_eq!(any(&twice), Err(Ambiguous));
        assert_eq!(any(&[(AUTHORIZATION, "Basic YTpi"), (AUTHORIZATION, "Bearer cfs_b")]), Err(Ambiguous));
    }

    #[test]
    fn the_same_credential_shown_twice_is_one() {
        let cookie = (COOKIE, "__Host-session=cfs_a; __Host-session=cfs_a");

        assert_eq!(any(&[cookie, (AUTHORIZATION, "Bearer cfs_a")]), Ok(Shown::Bearer));
    }

    #[test]
    fn what_a_route_does_not_read_is_not_there() {
        let shown = headers(&[
            (COOKIE, "__Host-access=one; __Host-access=two; __Host-refresh=cfr_a"),
            (AUTHORIZATION, "Bearer eyJ"),
        ]);

        let found = read_all(&shown, &NAMES, Reads::REFRESH).unwrap();

        assert_eq!(found.presented, Presented::None);
        assert_eq!(found.refresh, Some(Refresh("cfr_a")));
        assert_eq!(read(&shown, &NAMES, Reads::SESSION), Ok(Presented::None));
    }

    #[test]
    fn both_halves_of_a_pair_are_not_ambiguous() {
        let shown = headers(&[(COOKIE, "__Host-access=eyJ; __Host-refresh=cfr_a")]);

        let found = read_all(&shown, &NAMES, Reads::ANY_CREDENTIAL.and_refresh()).unwrap();

        assert_eq!(found.presented, Presented::Access("eyJ"));
        assert_eq!(found.refresh, Some(Refresh("cfr_a")));
    }

    #[test]
    fn debug_output_shows_no_credential() {
        let shown = headers(&[(COOKIE, "__Host-session=cfs_secret; __Host-refresh=cfr_secret")]);

        let found = read_all(&shown, &NAMES, Reads::ANY_CREDENTIAL.and_refresh()).unwrap();

        assert!(!format!("{found:?}").contains("secret"));
    }
}
