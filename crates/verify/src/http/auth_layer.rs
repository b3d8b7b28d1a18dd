//! The layer that finds out, once for each request, who is calling.

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

/// Authenticates each request and puts the [`AuthState`] among its extensions.
///
/// It turns nobody away but who shows two different credentials (400): the extractors do, where a
/// handler asks for a principal. [`AuthLayer::require`] makes it turn away everybody else too, for
/// services that have no extractors. An response to a request that showed a credential is not stored
/// by caches, unless it says otherwise itself.
///
/// ```
/// use std::sync::Arc;
///
/// use counterfoil_verify::{AuthLayer, Authenticator, Clock};
/// use tower_layer::Layer;
///
/// fn guarded<S: Clone>(service: S, verifier: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> impl Clone {
///     AuthLayer::new(verifier, clock).require_authentication().layer(service)
/// }
/// ```
#[derive(Clone)]
pub struct AuthLayer {
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    names: CookieNames,
    accepted: AcceptedCredentials,
    requirement: Requirement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    None,
    Principal,
}

impl AuthLayer {
    /// Asks `authenticator` about each request, at the time that `clock` tells when it arrives.
    pub fn new(authenticator: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self {
            authenticator,
            clock,
            names: CookieNames::secure(),
            accepted: AcceptedCredentials::SESSION_OR_ACCESS_TOKEN,
            requirement: Requirement::None,
        }
    }

    /// AcceptedCredentials cookies of these names; those of [`CookieNames::secure`] unless said otherwise.
    #[must_use]
    pub const fn with_cookie_names(mut self, names: CookieNames) -> Self {
        self.names = names;
        self
    }

    /// AcceptedCredentials these kinds of credential; [`AcceptedCredentials::SESSION_OR_ACCESS_TOKEN`] unless said otherwise.
    #[must_use]
    pub const fn with_accepted_credentials(mut self, accepted: AcceptedCredentials) -> Self {
        self.accepted = accepted;
        self
    }

    /// Answers 401, or 503, itself where there is no principal.
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

/// The service that [`AuthLayer`] makes.
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
        let found = match read_credentials(request.headers(), names, *accepted) {
            Ok(found) => found,
            Err(MultipleCredentials) => {
                return AuthResponseFuture::reject(
                    &AuthError::MultipleCredentials,
                    CredentialSource::None,
                    &request,
                );
            }
        };
        let source = found.source;
        match authenticator.authenticate(found.credential, clock.now()) {
            AuthFuture::Ready(result) => {
                AuthResponseFuture::resolved(&mut self.inner, result, source, *requirement, request)
            }
            AuthFuture::Pending(future) => {
                // The service that was polled ready serves this request; its clone the next one.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let pending = Box::new(PendingRequest { inner, source, requirement: *requirement, request });
                AuthResponseFuture { state: State::Authenticating { future, pending: Some(pending) } }
            }
        }
    }
}

/// A request whose credential is being result elsewhere.
struct PendingRequest<S, B> {
    inner: S,
    source: CredentialSource,
    requirement: Requirement,
    request: Request<B>,
}

type Authenticating = Pin<Box<dyn Future<Output = Result<Principal, AuthError>> + Send>>;

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
        // Off the warm path: all that has to wait is in boxes.
        Authenticating {
            future: Authenticating,
            pending: Option<Box<PendingRequest<S, B>>>,
        },
    }
}

impl<S, B, R> AuthResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    fn resolved(
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
                    return Poll::Ready(response.map(|response| add_cache_headers(response, *source)));
                }
                StateProjection::Rejected { response } => {
                    return Poll::Ready(Ok(response
                        .take()
                        .expect("a future is not polled after it is done")));
                }
                StateProjection::Authenticating { future, pending } => {
                    let result = ready!(future.as_mut().poll(cx));
                    let pending = pending.take().expect("the judgement comes once");
                    let PendingRequest { mut inner, source, requirement, request } = *pending;
                    self.set(Self::resolved(&mut inner, result, source, requirement, request));
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

/// What was answered to somebody is not stored for others, and what was answered to nobody is not
/// given to somebody. An response that speaks of caches itself is left as it is.
fn add_cache_headers<R>(mut response: Response<R>, source: CredentialSource) -> Response<R> {
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
