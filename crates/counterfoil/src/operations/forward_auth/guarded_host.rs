//! The guarded host to which a browser sends a request that the proxy forwards to Counterfoil itself.

use std::net::IpAddr;

use counterfoil_core::services::ServiceError;
use counterfoil_jose::Time;
use counterfoil_verify::cookie_values;
use http::HeaderMap;
use http::header::HeaderName;

use crate::app::App;
use crate::settings::guarded_origins::GuardedOrigin;

use super::error::ForwardAuthError;
use super::forwarded_request::{read_host, read_scheme};
use super::verify::VerifyError;

/// Where the browser puts the response (Fetch Metadata, section 2.1).
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// A request below `/.counterfoil/` of a guarded host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostCall<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// The address of the peer, if the server knows it.
    pub(crate) peer: Option<IpAddr>,
    /// The address of the client of the proxy.
    pub(crate) client: Option<IpAddr>,
}

impl HostCall<'_> {
    /// The guarded host, as the proxy names it. A host that gets the cookies of the issuer has no login of its own.
    ///
    /// # Errors
    ///
    /// [`ForwardAuthError`] if the peer is no proxy, or does not name a guarded host; if the client has sent too many requests.
    pub(super) fn guarded_host<'a>(&self, app: &'a App, now: Time) -> Result<&'a GuardedOrigin, VerifyError> {
        let peer = self.peer.filter(|peer| app.settings().forward_auth.is_proxy(*peer));
        let peer = peer.ok_or(ForwardAuthError::UntrustedProxy)?;
        let shared = &app.parts.forward_auth;
        let scheme = read_scheme(self.headers, &shared.origins).map_err(ForwardAuthError::HostHeader)?;
        let host = read_host(self.headers).map_err(ForwardAuthError::HostHeader)?;
        let guarded = shared.origins.find(scheme, host).ok_or(ForwardAuthError::HostNotGuarded)?;
        shared.rate_limiter.count(self.client.unwrap_or(peer), peer, now).map_err(ServiceError::from)?;
        let has_login = guarded.has_login(app.settings().issuer.is_secure());
        if has_login { Ok(guarded) } else { Err(ForwardAuthError::HostNotGuarded.into()) }
    }

    /// The only value of a cookie. Several values count as no value, since their order proves nothing.
    pub(super) fn single_cookie(&self, name: &str) -> Option<&str> {
        let mut values = cookie_values(self.headers, name);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }
}

/// Refuses a request by which a browser does not open a page: no image, frame or script of another site may begin or end a login.
///
/// # Errors
///
/// [`ForwardAuthError::NoNavigation`].
pub(super) fn check_opens_page(headers: &HeaderMap) -> Result<(), ForwardAuthError> {
    let is_page = headers.get_all(&SEC_FETCH_DEST).into_iter().all(|line| line.as_bytes() == b"document");

    if is_page { Ok(()) } else { Err(ForwardAuthError::NoNavigation) }
}
