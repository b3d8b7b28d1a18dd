//! What caches may store of a response to an authenticated request.

use http::header::{CACHE_CONTROL, Entry, VARY};
use http::{HeaderMap, HeaderValue, Response};

use crate::http::credentials::CredentialSource;

/// The `Cache-Control` of a response to a credential whose handler sets none.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Keeps shared caches from serving one caller's response to another (RFC 9111, section 3.5; RFC 9110, section
/// 12.5.5).
pub(super) fn with_cache_headers<R>(mut response: Response<R>, source: CredentialSource) -> Response<R> {
    let headers = response.headers_mut();
    match source {
        CredentialSource::None => {}
        CredentialSource::Cookie | CredentialSource::Bearer => {
            if let Entry::Vacant(entry) = headers.entry(CACHE_CONTROL) {
                // No cache stores it, so it needs no `Vary`.
                entry.insert(NO_STORE);
                return response;
            }
            make_private(headers);
        }
    }
    headers.append(VARY, HeaderValue::from_static("cookie, authorization"));
    response
}

/// Forbids shared caches to store a response whose handler sets `Cache-Control`. The handler may only choose how long
/// the client itself stores it: it may say `public` for the page of an unknown client, and the same handler shows a user's
/// page.
fn make_private(headers: &mut HeaderMap) {
    let lines = headers.get_all(CACHE_CONTROL).into_iter().map(|line| line.to_str().unwrap_or("no-store"));
    let directives: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    if directives.iter().any(|one| one.eq_ignore_ascii_case("no-store")) {
        return;
    }
    // `private` is first, so that no unbalanced quote before it hides it.
    let kept = directives.into_iter().filter(|one| !is_for_shared_caches(one));
    let value: Vec<&str> = std::iter::once("private").chain(kept).collect();
    let value = HeaderValue::try_from(value.join(", ")).unwrap_or(NO_STORE);
    headers.insert(CACHE_CONTROL, value);
}

/// Whether a directive allows shared caches to store a response, or restricts `private` to some of its fields (RFC
/// 9111, section 5.2.2). Empty elements of the list are left out too.
fn is_for_shared_caches(directive: &str) -> bool {
    let name = directive.split('=').next().unwrap_or_default().trim_end();
    ["", "public", "s-maxage", "private"].iter().any(|one| name.eq_ignore_ascii_case(one))
}
