//! The tower layer that refuses cross-site writes and handshakes (CSRF).

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::http::cookies::CookieNames;
use crate::http::cross_site_request::CrossSiteRequest;
use crate::http::csrf::{check_csrf, check_csrf_with_cookie};
use crate::http::origin::OriginPolicy;
use crate::http::problem::Problem;
use crate::http::response_future::ResponseFuture;

/// Refuses cross-site writes with 403, before the body is read.
///
/// By default it checks writes that carry one of the cookies, because only those use the authority of a user
/// without their consent. Handshakes of WebSockets and event streams with one of the cookies are checked as
/// writes are. [`CsrfLayer::check_every_write`] is for login, registration, refresh and logout:
/// there an attacker could log a victim in to the attacker's account.
#[derive(Clone)]
pub struct CsrfLayer {
    policy: Arc<OriginPolicy>,
    names: Arc<CookieNames>,
    checked: CheckedWrites,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckedWrites {
    WithCookie,
    All,
}

impl CsrfLayer {
    /// Checks writes that carry one of the cookies with these names.
    pub fn new(policy: impl Into<Arc<OriginPolicy>>, names: impl Into<Arc<CookieNames>>) -> Self {
        Self { policy: policy.into(), names: names.into(), checked: CheckedWrites::WithCookie }
    }

    /// Checks every write, with or without a cookie.
    #[must_use]
    pub const fn check_every_write(mut self) -> Self {
        self.checked = CheckedWrites::All;
        self
    }

    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), CrossSiteRequest> {
        match self.checked {
            CheckedWrites::WithCookie => check_csrf_with_cookie(method, headers, &self.policy, &self.names),
            CheckedWrites::All => check_csrf(method, headers, &self.policy, self.names.any_present(headers)),
        }
    }
}

impl fmt::Debug for CsrfLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfLayer").field("policy", &self.policy).field("checked", &self.checked).finish()
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfService<S>;

    fn layer(&self, inner: S) -> CsrfService<S> {
        CsrfService { inner, layer: self.clone() }
    }
}

/// The service of a [`CsrfLayer`].
#[derive(Debug, Clone)]
pub struct CsrfService<S> {
    inner: S,
    layer: CsrfLayer,
}

impl<S, B, R> Service<Request<B>> for CsrfService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.layer.check(request.method(), request.headers()) {
            Ok(()) => ResponseFuture::forward(self.inner.call(request)),
            Err(error) => {
                let problem = Problem::from(error).for_request(request.extensions());
                ResponseFuture::reject(problem.into_response())
            }
        }
    }
}
