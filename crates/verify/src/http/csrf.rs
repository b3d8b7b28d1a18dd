//! Refuses cross-site writes and handshakes (CSRF) by the headers that browsers set, before the body is read.

use http::header::{ACCEPT, HeaderName, ORIGIN, UPGRADE};
use http::{HeaderMap, Method};

use crate::http::cookies::CookieNames;
use crate::http::cross_site_request::CrossSiteRequest;
use crate::http::origin::{Origin, OriginPolicy};

/// The relation between the site of the page and this one, as the browser states it (Fetch Metadata, section
/// 2.1).
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks that a request is not a cross-site write. `has_cookie` says whether it carries a cookie of
/// [`CookieNames`](crate::CookieNames), valid or not.
///
/// 1. A trusted `Origin` passes.
/// 2. `Sec-Fetch-Site`, if present, decides: `same-origin` and `none` pass, everything else does not.
/// 3. Otherwise `Origin`, if present, decides: the service's own origin passes; `null` does not.
/// 4. Without both headers the client is not a current browser: the request passes if it has no cookie.
///
/// A request with a repeated header does not pass. The content type of the body does not matter.
///
/// Safe methods pass, except the handshake of a WebSocket or an event stream with a cookie. Browsers do not
/// apply the same-origin policy to WebSockets: a page of another site could open one as the victim, and read and
/// write in the victim's name (RFC 6455, section 10.2). `SameSite` does not stop a page of another subdomain or
/// port.
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
    if is_safe_method(method) && !(has_cookie && is_handshake(method, headers)) {
        return Ok(());
    }
    check_site(headers, policy, has_cookie)
}

/// As [`check_csrf`], whatever the method is.
pub(crate) fn check_site(
    headers: &HeaderMap,
    policy: &OriginPolicy,
    has_cookie: bool,
) -> Result<(), CrossSiteRequest> {
    let origin = at_most_one(headers, &ORIGIN)?;
    let site = at_most_one(headers, &SEC_FETCH_SITE)?;
    let passes = match (origin, site) {
        (Some(origin), _) if policy.trusts(origin) => true,
        (_, Some(site)) => site == b"same-origin" || site == b"none",
        (Some(origin), None) => policy.is_own(origin),
        (None, None) => !has_cookie,
    };
    if passes { Ok(()) } else { Err(refusal(origin, site, policy)) }
}

/// Why a request with these headers is refused, and what would be right.
fn refusal(origin: Option<&[u8]>, site: Option<&[u8]>, policy: &OriginPolicy) -> CrossSiteRequest {
    let own = policy.own.clone();
    match origin {
        // The page is of this origin, or unknown: only the relation of the sites is wrong.
        Some(origin) if site.is_some() && policy.is_own(origin) => CrossSiteRequest::OtherSite,
        None if site.is_some() => CrossSiteRequest::OtherSite,
        None => CrossSiteRequest::MissingHeader { own },
        Some(b"null") => CrossSiteRequest::NullOrigin { own },
        Some(origin) => match str::from_utf8(origin).ok().and_then(|text| text.parse::<Origin>().ok()) {
            Some(origin) => CrossSiteRequest::UntrustedOrigin { origin, own },
            None => CrossSiteRequest::MalformedOrigin { own },
        },
    }
}

/// As [`check_csrf`], for routes on which a request matters only with one of the cookies: without them it uses
/// the authority of no user.
pub(crate) fn check_csrf_with_cookie(
    method: &Method,
    headers: &HeaderMap,
    policy: &OriginPolicy,
    names: &CookieNames,
) -> Result<(), CrossSiteRequest> {
    let is_checked = !is_safe_method(method) || is_handshake(method, headers);
    if is_checked && names.any_present(headers) { check_site(headers, policy, true) } else { Ok(()) }
}

/// Whether a request opens a WebSocket (RFC 6455, section 4.1) or an event stream. Over HTTP/2 a WebSocket is
/// opened with the method `CONNECT` (RFC 8441), which is no safe method.
pub(crate) fn is_handshake(method: &Method, headers: &HeaderMap) -> bool {
    // Most requests have neither header. Comparing the few names is faster than hashing the two.
    *method == Method::GET
        && headers.keys().any(|name| *name == UPGRADE || *name == ACCEPT)
        && (lists(headers, &UPGRADE, b"websocket") || lists(headers, &ACCEPT, b"text/event-stream"))
}

/// Whether a header with a list has this element, in any case, with or without a version or parameters after it.
fn lists(headers: &HeaderMap, name: &HeaderName, element: &[u8]) -> bool {
    let elements = headers.get_all(name).into_iter().flat_map(|line| line.as_bytes().split(|&b| b == b','));
    elements.map(<[u8]>::trim_ascii_start).any(|found| {
        let (start, rest) = found.split_at(element.len().min(found.len()));
        start.eq_ignore_ascii_case(element) && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
    })
}

/// Whether a method is `GET`, `HEAD` or `OPTIONS`. All others, also unknown ones, count as writes (RFC 9110,
/// section 9.2.1).
pub fn is_safe_method(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn at_most_one<'a>(
    headers: &'a HeaderMap,
    name: &'static HeaderName,
) -> Result<Option<&'a [u8]>, CrossSiteRequest> {
    let mut lines = headers.get_all(name).into_iter();
    let first = lines.next().map(http::HeaderValue::as_bytes);
    if lines.next().is_some() { Err(CrossSiteRequest::RepeatedHeader(name.as_str())) } else { Ok(first) }
}
