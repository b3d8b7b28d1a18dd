//! The tower layer that gives a route its own policy for stale revocations.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth_error::AuthError;
use crate::authenticator::{AuthFuture, PrincipalFuture};
use crate::http::auth_state::AuthState;
use crate::http::credentials::read_credentials;
use crate::http::problem::Problem;
use crate::principal::Principal;
use crate::stale_policy::StalePolicy;

/// Gives the routes behind it a [`StalePolicy`] of their own, whatever that of the verifier is.
///
/// It is for routes behind an [`AuthLayer`](crate::AuthLayer), and authenticates their requests again with the policy; the
/// signature of a token is verified only once. An `AuthLayer` that requires authentication refuses a request before this
/// layer can allow it, and this layer refuses in the same way what its own policy does not accept.
///
/// [`StalePolicy::DangerAcceptStale`] accepts stale revocations at most for the time that the verifier has told its issuer:
/// `FeedOptions::danger_let_routes_accept_stale`.
///
/// ```
/// use counterfoil_verify::{StalePolicy, StalePolicyLayer};
/// use tower_layer::Layer;
///
/// fn payments<S>(service: S) -> impl Sized {
///     StalePolicyLayer::new(StalePolicy::Introspect).layer(service)
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StalePolicyLayer(StalePolicy);

impl StalePolicyLayer {
    /// A layer with this policy.
    pub const fn new(policy: StalePolicy) -> Self {
        Self(policy)
    }
}

impl<S> Layer<S> for StalePolicyLayer {
    type Service = StalePolicyService<S>;

    fn layer(&self, inner: S) -> StalePolicyService<S> {
        StalePolicyService { inner, policy: self.0 }
    }
}

/// The service of a [`StalePolicyLayer`].
#[derive(Debug, Clone)]
pub struct StalePolicyService<S> {
    inner: S,
    policy: StalePolicy,
}

impl<S, B, R> Service<Request<B>> for StalePolicyService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = StalePolicyFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match authenticate(&request, self.policy) {
            Ok(AuthFuture::Ready(result)) => match set_result(&mut request, result) {
                Ok(()) => StalePolicyFuture { state: State::Forwarded { inner: self.inner.call(request) } },
                Err(problem) => StalePolicyFuture::reject(problem, &request),
            },
            Ok(AuthFuture::Pending(future)) => {
                // The service that was polled ready must serve this request; its clone serves the next one.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let pending = Some(Box::new((inner, request)));
                StalePolicyFuture { state: State::Authenticating { future, pending } }
            }
            Err(problem) => StalePolicyFuture::reject(problem, &request),
        }
    }
}

/// Authenticates as the `AuthLayer` did, but with this policy.
fn authenticate<B>(request: &Request<B>, policy: StalePolicy) -> Result<AuthFuture, Problem> {
    let state = AuthState::from_extensions(request.extensions()).ok_or_else(Problem::missing_auth_layer)?;
    let authentication = state.authentication().ok_or_else(Problem::missing_auth_layer)?;
    let credentials =
        match read_credentials(request.headers(), &authentication.names, authentication.accepted) {
            Ok(credentials) => credentials,
            Err(error) => return Ok(AuthFuture::Ready(Err(error.into()))),
        };
    let now = authentication.clock.now();
    Ok(authentication.authenticator.authenticate_with_policy(credentials.credential, now, policy))
}

/// Replaces the result of the `AuthLayer`.
///
/// # Errors
///
/// The problem of a request that the `AuthLayer` would have refused with this result. Without that, a handler that reads no
/// principal would serve a revoked credential.
fn set_result<B>(request: &mut Request<B>, result: Result<Principal, AuthError>) -> Result<(), Problem> {
    let state = AuthState::from_extensions(request.extensions()).ok_or_else(Problem::missing_auth_layer)?;
    let is_required = state.authentication().is_none_or(|authentication| authentication.is_required);
    if is_required && let Err(error) = &result {
        return Err(Problem::from_auth_error(error, state.source()));
    }
    let state = state.with_result(result);
    request.extensions_mut().insert(state);
    Ok(())
}

pin_project! {
    /// The response of a service behind a [`StalePolicyLayer`].
    pub struct StalePolicyFuture<S, B>
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
        },
        Rejected {
            response: Option<R>,
        },
        Authenticating {
            future: PrincipalFuture,
            pending: Option<Box<(S, Request<B>)>>,
        },
    }
}

impl<S, B, R> StalePolicyFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    fn reject(problem: Problem, request: &Request<B>) -> Self {
        let response = problem.for_request(request.extensions()).into_response();
        Self { state: State::Rejected { response: Some(response) } }
    }
}

impl<S, B, R> Future for StalePolicyFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project().state.project() {
                StateProjection::Forwarded { inner } => return inner.poll(cx),
                StateProjection::Rejected { response } => {
                    let response = response.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Authenticating { future, pending } => {
                    let result = ready!(future.as_mut().poll(cx));
                    let pending = pending.take().expect("the authentication completes once");
                    let (mut inner, mut request) = *pending;
                    let next = match set_result(&mut request, result) {
                        Ok(()) => Self { state: State::Forwarded { inner: inner.call(request) } },
                        Err(problem) => Self::reject(problem, &request),
                    };
                    self.set(next);
                }
            }
        }
    }
}

impl<S, B> fmt::Debug for StalePolicyFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StalePolicyFuture(..)")
    }
}
