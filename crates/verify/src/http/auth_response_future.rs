//! The response of a service whose requests are authenticated.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::auth_error::AuthError;
use crate::authenticator::PrincipalFuture;
use crate::http::auth_settings::{AuthSettings, Requirement};
use crate::http::auth_state::AuthState;
use crate::http::cache_headers::with_cache_headers;
use crate::http::credentials::CredentialSource;
use crate::http::problem::Problem;
use crate::http::problem_issuer::ProblemIssuer;
use crate::principal::Principal;

/// A request that waits for its authentication.
struct PendingRequest<S, B> {
    inner: S,
    settings: Arc<AuthSettings>,
    source: CredentialSource,
    request: Request<B>,
}

pin_project! {
    /// The response of a service behind an [`AuthLayer`](crate::AuthLayer).
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
            // Headers to append; boxed, because hardly any response has them.
            more: Option<Box<HeaderMap>>,
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
    /// Calls the service, or refuses an unauthenticated request if the layer requires authentication.
    pub(super) fn forward(
        inner: &mut S,
        settings: &AuthSettings,
        result: Result<Principal, AuthError>,
        source: CredentialSource,
        mut request: Request<B>,
    ) -> Self {
        match (result, settings.requirement) {
            (Err(error), Requirement::Principal) => {
                Self::reject(Problem::from_auth_error(&error, source), settings, &request)
            }
            (result, Requirement::Principal | Requirement::None) => {
                let clear = settings.context.clear_duplicates.as_ref();
                let clear = clear.filter(|_| matches!(result, Err(AuthError::MultipleCredentials)));
                let more = clear.map(|clear| Box::new(clear(request.uri(), request.headers())));
                let state = AuthState::new(result, source, Arc::clone(&settings.context));
                request.extensions_mut().insert(state);
                Self { state: State::Forwarded { inner: inner.call(request), source, more } }
            }
        }
    }

    /// Waits for the authentication. `inner` was polled ready.
    pub(super) fn authenticate(
        inner: S,
        settings: Arc<AuthSettings>,
        future: PrincipalFuture,
        source: CredentialSource,
        request: Request<B>,
    ) -> Self {
        let pending = Box::new(PendingRequest { inner, settings, source, request });
        Self { state: State::Authenticating { future, pending: Some(pending) } }
    }

    /// Answers in the place of the service.
    pub(super) fn reject(problem: Problem, settings: &AuthSettings, request: &Request<B>) -> Self {
        let problem = match &settings.context.problem_issuer {
            Some(ProblemIssuer(issuer)) => problem.issuer(Arc::clone(issuer)),
            None => problem,
        };
        let problem = problem.for_request(request.extensions());
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
                StateProjection::Forwarded { inner, source, more } => {
                    let response = ready!(inner.poll(cx));
                    let more = more.take();
                    return Poll::Ready(response.map(|response| {
                        let mut response = with_cache_headers(response, *source);
                        for (name, value) in more.iter().flat_map(|headers| headers.iter()) {
                            response.headers_mut().append(name, value.clone());
                        }
                        response
                    }));
                }
                StateProjection::Rejected { response } => {
                    let response = response.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Authenticating { future, pending } => {
                    let result = ready!(future.as_mut().poll(cx));
                    let pending = pending.take().expect("the authentication completes once");
                    let PendingRequest { mut inner, settings, source, request } = *pending;
                    self.set(Self::forward(&mut inner, &settings, result, source, request));
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
