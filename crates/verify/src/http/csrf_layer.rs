//! The layer that refuses cross-site writes, before a body is read.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::http::cookies::CookieNames;
use crate::http::csrf::{self, CrossSite};
use crate::http::origin::OriginPolicy;
use crate::http::problem::Problem;
use crate::http::response_future::Guarded;

/// Refuses cross-site writes with 403, before the body is read.
///
/// As it is, it judges the writes that carry a cookie of ours: those alone act on somebody's behalf
/// without their doing. [`CsrfLayer::always`] judges every write: for login, register, refresh and
/// logout, where the harm is to be signed in as somebody else.
#[derive(Clone)]
pub struct CsrfLayer {
    policy: Arc<OriginPolicy>,
    names: CookieNames,
    judges: Judges,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judges {
    WithCookie,
    Always,
}

impl CsrfLayer {
    /// Judges the writes that carry one of the cookies with these names.
    pub fn new(policy: impl Into<Arc<OriginPolicy>>, names: CookieNames) -> Self {
        Self { policy: policy.into(), names, judges: Judges::WithCookie }
    }

    /// Judges every write.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.judges = Judges::Always;
        self
    }

    fn judge(&self, method: &Method, headers: &HeaderMap) -> Result<(), CrossSite> {
        if csrf::is_safe(method) {
            return Ok(());
        }
        let shows_cookie = self.names.are_shown(headers);
        match self.judges {
            Judges::WithCookie if !shows_cookie => Ok(()),
            Judges::WithCookie | Judges::Always => csrf::judge(method, headers, &self.policy, shows_cookie),
        }
    }
}

impl fmt::Debug for CsrfLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfLayer").field("policy", &self.policy).field("judges", &self.judges).finish()
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = Csrf<S>;

    fn layer(&self, inner: S) -> Csrf<S> {
        Csrf { inner, layer: self.clone() }
    }
}

/// The service that [`CsrfLayer`] makes.
#[derive(Debug, Clone)]
pub struct Csrf<S> {
    inner: S,
    layer: CsrfLayer,
}

impl<S, B, R> Service<Request<B>> for Csrf<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Guarded<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.layer.judge(request.method(), request.headers()) {
            Ok(()) => Guarded::passed(self.inner.call(request)),
            Err(CrossSite) => {
                let problem = Problem::from(CrossSite).for_request(request.extensions());
                Guarded::refused(problem.into_response())
            }
        }
    }
}
