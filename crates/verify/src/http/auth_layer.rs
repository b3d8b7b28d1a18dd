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

use crate::auth_error::Denied;
use crate::authenticator::{Authenticate, Decision, Now};
use crate::http::auth_state::Identity;
use crate::http::cookies::CookieNames;
use crate::http::credentials::{Ambiguous, Reads, Shown, read_all};
use crate::http::problem::Problem;
use crate::principal::Principal;

/// Authenticates each request and puts the [`Identity`] among its extensions.
///
/// It turns nobody away but who shows two different credentials (400): the extractors do, where a
/// handler asks for a principal. [`AuthLayer::require`] makes it turn away everybody else too, for
/// services that have no extractors. An answer to a request that showed a credential is not stored
/// by caches, unless it says otherwise itself.
///
/// ```
/// use std::sync::Arc;
///
/// use counterfoil_verify::{AuthLayer, Authenticate, Now};
/// use tower_layer::Layer;
///
/// fn guarded<S: Clone>(service: S, verifier: Arc<dyn Authenticate>, clock: Arc<dyn Now>) -> impl Clone {
///     AuthLayer::new(verifier, clock).require().layer(service)
/// }
/// ```
#[derive(Clone)]
pub struct AuthLayer {
    authenticator: Arc<dyn Authenticate>,
    clock: Arc<dyn Now>,
    names: CookieNames,
    reads: Reads,
    demands: Demands,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demands {
    Nothing,
    Principal,
}

impl AuthLayer {
    /// Asks `authenticator` about each request, at the time that `clock` tells when it arrives.
    pub fn new(authenticator: Arc<dyn Authenticate>, clock: Arc<dyn Now>) -> Self {
        Self {
            authenticator,
            clock,
            names: CookieNames::secure(),
            reads: Reads::ANY_CREDENTIAL,
            demands: Demands::Nothing,
        }
    }

    /// Reads cookies of these names; those of [`CookieNames::secure`] unless said otherwise.
    #[must_use]
    pub const fn cookies(mut self, names: CookieNames) -> Self {
        self.names = names;
        self
    }

    /// Reads these kinds of credential; [`Reads::ANY_CREDENTIAL`] unless said otherwise.
    #[must_use]
    pub const fn reads(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    /// Answers 401, or 503, itself where there is no principal.
    #[must_use]
    pub const fn require(mut self) -> Self {
        self.demands = Demands::Principal;
        self
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("names", &self.names)
            .field("reads", &self.reads)
            .field("demands", &self.demands)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { inner, layer: self.clone() }
    }
}

/// The service that [`AuthLayer`] makes.
#[derive(Debug, Clone)]
pub struct Auth<S> {
    inner: S,
    layer: AuthLayer,
}

impl<S, B, R> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = AuthFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let AuthLayer { authenticator, clock, names, reads, demands } = &self.layer;
        let found = match read_all(request.headers(), names, *reads) {
            Ok(found) => found,
            Err(Ambiguous) => return AuthFuture::refused(&Denied::Ambiguous, Shown::Nothing, &request),
        };
        let shown = found.shown;
        match authenticator.authenticate(found.presented, clock.now()) {
            Decision::Ready(judged) => AuthFuture::judged(&mut self.inner, judged, shown, *demands, request),
            Decision::Later(judging) => {
                // The service that was polled ready serves this request; its clone the next one.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let waiting = Box::new(Waiting { inner, shown, demands: *demands, request });
                AuthFuture { state: State::Judging { judging, waiting: Some(waiting) } }
            }
        }
    }
}

/// A request whose credential is being judged elsewhere.
struct Waiting<S, B> {
    inner: S,
    shown: Shown,
    demands: Demands,
    request: Request<B>,
}

type Judging = Pin<Box<dyn Future<Output = Result<Principal, Denied>> + Send>>;

pin_project! {
    /// The answer of a service behind an [`AuthLayer`].
    pub struct AuthFuture<S, B>
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
        Passed {
            #[pin]
            inner: F,
            shown: Shown,
        },
        Refused {
            answer: Option<R>,
        },
        // Off the warm path: all that has to wait is in boxes.
        Judging {
            judging: Judging,
            waiting: Option<Box<Waiting<S, B>>>,
        },
    }
}

impl<S, B, R> AuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    fn judged(
        inner: &mut S,
        judged: Result<Principal, Denied>,
        shown: Shown,
        demands: Demands,
        mut request: Request<B>,
    ) -> Self {
        match (judged, demands) {
            (Err(denied), Demands::Principal) => Self::refused(&denied, shown, &request),
            (judged, Demands::Principal | Demands::Nothing) => {
                request.extensions_mut().insert(Identity::new(judged, shown));
                Self { state: State::Passed { inner: inner.call(request), shown } }
            }
        }
    }

    fn refused(denied: &Denied, shown: Shown, request: &Request<B>) -> Self {
        let problem = Problem::of_denied(denied, shown).for_request(request.extensions());
        Self { state: State::Refused { answer: Some(problem.into_response()) } }
    }
}

impl<S, B, R> Future for AuthFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project().state.project() {
                StateProjection::Passed { inner, shown } => {
                    let answer = ready!(inner.poll(cx));
                    return Poll::Ready(answer.map(|answer| kept_private(answer, *shown)));
                }
                StateProjection::Refused { answer } => {
                    return Poll::Ready(Ok(answer.take().expect("a future is not polled after it is done")));
                }
                StateProjection::Judging { judging, waiting } => {
                    let judged = ready!(judging.as_mut().poll(cx));
                    let waiting = waiting.take().expect("the judgement comes once");
                    let Waiting { mut inner, shown, demands, request } = *waiting;
                    self.set(Self::judged(&mut inner, judged, shown, demands, request));
                }
            }
        }
    }
}

impl<S, B> fmt::Debug for AuthFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthFuture(..)")
    }
}

/// What was answered to somebody is not stored for others, and what was answered to nobody is not
/// given to somebody. An answer that speaks of caches itself is left as it is.
fn kept_private<R>(mut answer: Response<R>, shown: Shown) -> Response<R> {
    match shown {
        Shown::Cookie | Shown::Bearer => {
            answer.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        Shown::Nothing => {
            answer.headers_mut().append(VARY, HeaderValue::from_static("cookie, authorization"));
        }
    }
    answer
}
