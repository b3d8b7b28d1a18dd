//! Refuses cross-site writes (CSRF) by the headers that browsers set, before the body is read.

use http::header::{HeaderName, ORIGIN};
use http::{HeaderMap, Method};

use crate::http::cookies::CookieNames;
use crate::http::origin::OriginPolicy;

/// The relation between the site of the page and this one, as the browser states it (Fetch Metadata, section
/// 2.1).
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The request is a write from another site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request comes from another site")]
pub struct CrossSiteRequest;

/// Checks that a request is not a cross-site write. `has_cookie` says whether it carries a cookie of
/// [`CookieNames`](crate::CookieNames), valid or not.
///
/// 1. A trusted `Origin` passes.
/// 2. `Sec-Fetch-Site`, if present, decides: `same-origin` and `none` pass, everything else does not.
/// 3. Otherwise `Origin`, if present, decides: the service's own origin passes; `null` does not.
/// 4. Without both headers the client is not a current browser: the request passes if it has no cookie.
///
/// Safe methods pass; a request with a repeated header does not. The content type of the body does not
/// matter.
///
/// # Errors
///
/// [`CrossSiteRequest`], which is 403.
///
/// ```
/// use counterfoil_verify::{Origin, OriginPolicy, check_csrf};
/// use http::{HeaderMap, HeaderValue, Method, header};
///
/// let policy = OriginPolicy::new(Origin::from_url("https://auth.example")?);
/// let mut headers = HeaderMap::new();
/// headers.insert(header::ORIGIN, HeaderValue::from_static("https://attacker.example"));
///
/// assert!(check_csrf(&Method::POST, &headers, &policy, false).is_err());
/// assert!(check_csrf(&Method::GET, &headers, &policy, false).is_ok());
/// # Ok::<(), counterfoil_verify::OriginError>(())
/// ```
pub fn check_csrf(
    method: &Method,
    headers: &HeaderMap,
    policy: &OriginPolicy,
    has_cookie: bool,
) -> Result<(), CrossSiteRequest> {
    if is_safe_method(method) {
        return Ok(());
    }
    let origin = at_most_one(headers, &ORIGIN)?;
    let site = at_most_one(headers, &SEC_FETCH_SITE)?;
    let passes = match (origin, site) {
        (Some(origin), _) if policy.trusts(origin) => true,
        (_, Some(site)) => site == b"same-origin" || site == b"none",
        (Some(origin), None) => policy.is_own(origin),
        (None, None) => !has_cookie,
    };
    if passes { Ok(()) } else { Err(CrossSiteRequest) }
}

/// As [`check_csrf`], for routes on which a write matters only with one of the cookies: without them it uses
/// the authority of no user.
pub(crate) fn check_csrf_with_cookie(
    method: &Method,
    headers: &HeaderMap,
    policy: &OriginPolicy,
    names: &CookieNames,
) -> Result<(), CrossSiteRequest> {
    if is_safe_method(method) || !names.any_present(headers) {
        return Ok(());
    }
    check_csrf(method, headers, policy, true)
}

/// Whether a method is `GET`, `HEAD` or `OPTIONS`. All others, also unknown ones, count as writes (RFC 9110,
/// section 9.2.1).
pub fn is_safe_method(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn at_most_one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, CrossSiteRequest> {
    let mut lines = headers.get_all(name).into_iter();
    let first = lines.next().map(http::HeaderValue::as_bytes);
    if lines.next().is_some() { Err(CrossSiteRequest) } else { Ok(first) }
}
