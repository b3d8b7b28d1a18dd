//! Cross-site writes, judged by what browsers say of them, before a body is read.

use http::header::{HeaderName, ORIGIN};
use http::{HeaderMap, Method};

use crate::http::origin::OriginPolicy;

/// What a browser says of where a request comes from (Fetch Metadata, section 2.1).
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A write from another site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this request comes from another site")]
pub struct CrossSiteRequest;

/// Judges one request. `has_cookie` says whether it carries a cookie of ours, of any worth.
///
/// 1. An `Origin` that is trusted by name passes.
/// 2. `Sec-Fetch-Site` decides where it is sent: `same-origin` and `none` pass, all else does not.
/// 3. An `Origin` decides where that is all there is: ours passes; `null` does not.
/// 4. With neither, no browser of the last years has sent it: it passes if it shows no cookie of ours.
///
/// Methods that change nothing pass; a header that is repeated never does. The type of the body does
/// not matter.
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

/// Methods that change nothing here; every other one does, known or not (RFC 9110, section 9.2.1).
pub fn is_safe_method(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn at_most_one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, CrossSiteRequest> {
    let mut lines = headers.get_all(name).into_iter();
    let first = lines.next().map(http::HeaderValue::as_bytes);
    if lines.next().is_some() { Err(CrossSiteRequest) } else { Ok(first) }
}
