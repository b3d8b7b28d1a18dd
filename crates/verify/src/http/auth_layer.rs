//! The tower layer that authenticates each request once.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, VARY};
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth_error::AuthError;
use crate::authenticator::{AuthFuture, Authenticator, Clock};
use crate::http::auth_state::AuthState;
use crate::http::cookies::CookieNames;
use crate::http::credentials::{
    AcceptedCredentials, CredentialSource, MultipleCredentials, read_credentials,
};
use crate::http::problem::Problem;
use crate::principal::Principal;

/// Authenticates each request and puts the [`AuthState`] into its extensions.
///
/// The layer itself refuses only requests with two different credentials (400). Unauthenticated requests are
/// refused by the extractors, in handlers that take a [`Principal`]; [`AuthLayer::require_authentication`]
/// refuses them in the layer, for services without extractors. A response to a request with a credential gets
/// `Cache-Control: no-store`, if it sets no `Cache-Control` itself.
///
/// ```
/// use std::sync::Arc;
///
/// use counterfoil_verify::{AuthLayer, Authenticator, Clock};
/// use tower_layer::Layer;
///
/// fn protect<S: Clone>(service: S, verifier: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> impl Clone {
///     AuthLayer::new(verifier, clock).require_authentication().layer(service)
/// }
/// ```
#[derive(Clone)]
pub struct AuthLayer {
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    names: Arc<CookieNames>,
    accepted: AcceptedCredentials,
    requirement: Requirement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    None,
    Principal,
}

impl AuthLayer {
    /// Authenticates each request with `authenticator`, at the time of `clock` when the request arrives.
    pub fn new(authenticator: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self {
            authenticator,
            clock,
            names: Arc::new(CookieNames::secure()),
            accepted: AcceptedCredentials::SESSION_OR_ACCESS_TOKEN,
            requirement: Requirement::None,
        }
    }

    /// Sets the names of the cookies; [`CookieNames::secure`] by default.
    #[must_use]
    pub fn with_cookie_names(mut self, names: impl Into<Arc<CookieNames>>) -> Self {
        self.names = names.into();
        self
    }

    /// Sets the accepted kinds of credential; [`AcceptedCredentials::SESSION_OR_ACCESS_TOKEN`] by default.
    #[must_use]
    pub const fn with_accepted_credentials(mut self, accepted: AcceptedCredentials) -> Self {
        self.accepted = accepted;
        self
    }

    /// Answers unauthenticated requests in the layer, with 401 or 503.
    #[must_use]
    pub const fn require_authentication(mut self) -> Self {
        self.requirement = Requirement::Principal;
        self
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("names", &self.names)
            .field("accepted", &self.accepted)
            .field("requirement", &self.requirement)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { inner, layer: self.clone() }
    }
}

/// The service of an [`AuthLayer`].
#[derive(Debug, Clone)]
pub struct AuthService<S> {
    inner: S,
    layer: AuthLayer,
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = AuthResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let AuthLayer { authenticator, clock, names, accepted, requirement } = &self.layer;
        let credentials = match read_credentials(request.headers(), names, *accepted) {
            Ok(credentials) => credentials,
            Err(error @ MultipleCredentials) => {
                return AuthResponseFuture::reject(&error.into(), CredentialSource::None, &request);
            }
        };
        let source = credentials.source;
        match authenticator.authenticate(credentials.credential, clock.now()) {
            AuthFuture::Ready(result) => {
                AuthResponseFuture::forward(&mut self.inner, result, source, *requirement, request)
            }
            AuthFuture::Pending(future) => {
                // The service that was polled ready must serve this request; its clone serves the next one.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let pending = Box::new(PendingRequest { inner, source, requirement: *requirement, request });
                AuthResponseFuture { state: State::Authenticating { future, pending: Some(pending) } }
            }
        }
    }
}

/// A request that waits for its authentication.
struct PendingRequest<S, B> {
    inner: S,
    source: CredentialSource,
    requirement: Requirement,
    request: Request<B>,
}

type PrincipalFuture = Pin<Box<dyn Future<Output = Result<Principal, AuthError>> + Send>>;

pin_project! {
    /// The response of a service behind an [`AuthLayer`].
    pub struct AuthResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, S::Future, S::Response, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, R, B> {
        Forwarded {
            #[pin]
            inner: F,
            source: CredentialSource,
        },
        Rejected {
            response: Option<R>,
        },
        // Boxed, so that the usual case, which does not wait, stays small.
        Authenticating {
            future: PrincipalFuture,
            pending: Option<Box<PendingRequest<S, B>>>,
        },
    }
}

impl<S, B, R> AuthResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    fn forward(
        inner: &mut S,
        result: Result<Principal, AuthError>,
        source: CredentialSource,
        requirement: Requirement,
        mut request: Request<B>,
    ) -> Self {
        match (result, requirement) {
            (Err(error), Requirement::Principal) => Self::reject(&error, source, &request),
            (result, Requirement::Principal | Requirement::None) => {
                request.extensions_mut().insert(AuthState::new(result, source));
                Self { state: State::Forwarded { inner: inner.call(request), source } }
            }
        }
    }

    fn reject(error: &AuthError, source: CredentialSource, request: &Request<B>) -> Self {
        let problem = Problem::from_auth_error(error, source).for_request(request.extensions());
        Self { state: State::Rejected { response: Some(problem.into_response()) } }
    }
}

impl<S, B, R> Future for AuthResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project().state.project() {
                StateProjection::Forwarded { inner, source } => {
                    let response = ready!(inner.poll(cx));
                    return Poll::Ready(response.map(|response| with_cache_headers(response, *source)));
                }
                StateProjection::Rejected { response } => {
                    let response = response.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Authenticating { future, pending } => {
                    let result = ready!(future.as_mut().poll(cx));
                    let pending = pending.take().expect("the authentication completes once");
                    let PendingRequest { mut inner, source, requirement, request } = *pending;
                    self.set(Self::forward(&mut inner, result, source, requirement, request));
                }
            }
        }
    }
}

impl<S, B> fmt::Debug for AuthResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthResponseFuture(..)")
    }
}

/// Keeps shared caches from serving one caller's response to another. A response to a request with a
/// credential is not stored, unless it sets `Cache-Control` itself; other responses vary by the credential
/// headers.
fn with_cache_headers<R>(mut response: Response<R>, source: CredentialSource) -> Response<R> {
    match source {
        CredentialSource::Cookie | CredentialSource::Bearer => {
            response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        CredentialSource::None => {
            response.headers_mut().append(VARY, HeaderValue::from_static("cookie, authorization"));
        }
    }
    response
}
