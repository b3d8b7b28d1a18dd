//! Cookies that a browser holds at several scopes.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_verify::{CookiePrefix, cookie_values};
use http::HeaderMap;

use crate::http::cookie_scopes::{CookieScope, matching_scopes};
use crate::http::set_cookie::line::CookieLine;
use crate::settings::cookie_options::{CookieKind, Cookies};

/// The kinds of cookie of which a request has several values. It is among the extensions of the response; the outermost layer
/// knows the route and clears them at every scope but the configured one.
#[derive(Debug, Clone)]
pub(crate) struct DuplicateCookies {
    pub(super) cookies: Arc<Cookies>,
    pub(super) kinds: Vec<CookieKind>,
}

impl DuplicateCookies {
    /// The kinds of which the request has different values.
    pub(crate) fn of_request(cookies: &Arc<Cookies>, headers: &HeaderMap) -> Self {
        let has_several = |kind: &CookieKind| {
            let mut values = cookie_values(headers, kind.name(cookies.names()));
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        Self {
            cookies: Arc::clone(cookies),
            kinds: CookieKind::ALL.into_iter().filter(has_several).collect(),
        }
    }

    /// Clears the cookies at every scope that matches a request to `route` on `host`, except the configured one: a live cookie
    /// is there, or `SetCookies` has cleared it. A prefix `__Host-` allows only one scope, so such cookies have no duplicates.
    pub(crate) fn clear(&self, host: &str, route: &str, headers: &mut HeaderMap) {
        let Cookies { domain, path, .. } = &*self.cookies;
        let is_configured = |scope: &CookieScope| scope.domain == *domain && scope.path == *path;
        let scopes = matching_scopes(host, route).into_iter().filter(|scope| !is_configured(scope));
        for scope in scopes {
            for kind in self.kinds.iter().filter(|kind| !self.has_host_prefix(**kind)) {
                let pair = format!("{}=", kind.name(self.cookies.names()));
                let same_site = kind.same_site(self.cookies.same_site);
                CookieLine::new(&self.cookies, &scope, same_site, &pair, Some(Duration::ZERO))
                    .append_to(headers);
            }
        }
    }

    fn has_host_prefix(&self, kind: CookieKind) -> bool {
        kind.name(self.cookies.names()).starts_with(CookiePrefix::Host.as_str())
    }
}
