//! How requests are authenticated, and which of them are refused before.

use std::sync::Arc;

use http::Request;

use crate::authenticator::{Authenticator, Clock};
use crate::http::auth_state::LayerContext;
use crate::http::cookies::CookieNames;
use crate::http::credentials::{AcceptedCredentials, CredentialSource};
use crate::http::cross_site_request::CrossSiteRequest;
use crate::http::csrf::{check_csrf_with_cookie, check_site, is_handshake, is_safe_method};
use crate::http::origin::OriginPolicy;

/// Shared by all services of an [`AuthLayer`](crate::AuthLayer). axum clones the services of a route for each request, which then costs one
/// reference count.
#[derive(Clone)]
pub(super) struct AuthSettings {
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) names: Arc<CookieNames>,
    pub(super) accepted: AcceptedCredentials,
    pub(super) requirement: Requirement,
    /// Which origins may write and open WebSockets with a cookie; `None` if another layer checks that.
    pub(super) origins: Option<Arc<OriginPolicy>>,
    pub(super) context: Arc<LayerContext>,
}

/// What a request must have to reach the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requirement {
    None,
    Principal,
}

impl AuthSettings {
    /// Refuses a cross-site write.
    pub(super) fn check_csrf<B>(&self, request: &Request<B>) -> Result<(), CrossSiteRequest> {
        match &self.origins {
            Some(origins) if !is_safe_method(request.method()) => {
                check_csrf_with_cookie(request.method(), request.headers(), origins, &self.names)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a cross-site handshake that a cookie authenticates. Most requests are checked only here: their
    /// credential is known, and the headers are not searched for cookies again.
    pub(super) fn check_handshake<B>(
        &self,
        request: &Request<B>,
        source: CredentialSource,
    ) -> Result<(), CrossSiteRequest> {
        match &self.origins {
            Some(origins)
                if source == CredentialSource::Cookie
                    && is_handshake(request.method(), request.headers()) =>
            {
                check_site(request.headers(), origins, true)
            }
            Some(_) | None => Ok(()),
        }
    }
}
