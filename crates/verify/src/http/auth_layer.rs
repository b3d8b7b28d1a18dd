//! The tower layer that authenticates each request once.

use std::any::Any;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, Entry, VARY};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth_error::AuthError;
use crate::authenticator::{AuthFuture, Authenticator, Clock, PrincipalFuture};
use crate::http::auth_state::{AuthState, Authentication, LayerContext};
use crate::http::cookies::CookieNames;
use crate::http::credentials::{AcceptedCredentials, CredentialSource, read_credentials};
use crate::http::cross_site_request::CrossSiteRequest;
use crate::http::csrf::{check_csrf_with_cookie, check_site, is_handshake, is_safe_method};
use crate::http::origin::OriginPolicy;
use crate::http::problem::Problem;
use crate::http::problem_issuer::ProblemIssuer;
use crate::principal::Principal;

/// The `Cache-Control` of a response to a credential whose handler sets none.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Authenticates each request and puts the [`AuthState`] into its extensions.
///
/// The layer itself refuses only cross-site writes and handshakes (403), with [`AuthLayer::with_csrf_protection`].
/// Unauthenticated requests, and those with two different credentials (400), are refused by the extractors, in handlers
/// that take a [`Principal`] or an `Option<Principal>`; [`AuthLayer::require_authentication`] refuses them in the layer,
/// for services without extractors.
///
/// A response to a request with a credential gets `Cache-Control: no-store`; if its handler sets `Cache-Control`, it
/// gets `private` instead of `public` and `s-maxage`. Every response that a cache may store gets
/// `Vary: cookie, authorization`, so that it does not give the page of a user to others, nor the page of an unknown client to
/// users. Headers for one kind of cache
/// only, such as `CDN-Cache-Control`, are not changed.
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
pub struct AuthLayer(Arc<Settings>);

/// Shared by all services of a layer. axum clones the services of a route for each request, which then costs one
/// reference count.
#[derive(Clone)]
struct Settings {
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    names: Arc<CookieNames>,
    accepted: AcceptedCredentials,
    requirement: Requirement,
    /// Which origins may write and open WebSockets with a cookie; `None` if another layer checks that.
    origins: Option<Arc<OriginPolicy>>,
    context: Arc<LayerContext>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    None,
    Principal,
}

impl AuthLayer {
    /// Authenticates each request with `authenticator`, at the time of `clock` when the request arrives.
    pub fn new(authenticator: Arc<dyn Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Settings {
            authenticator,
            clock,
            names: Arc::new(CookieNames::secure()),
            accepted: AcceptedCredentials::SESSION_OR_ACCESS_TOKEN,
            requirement: Requirement::None,
            origins: None,
            context: Arc::default(),
        }))
    }

    /// Sets the names of the cookies; [`CookieNames::secure`] by default.
    #[must_use]
    pub fn with_cookie_names(mut self, names: impl Into<Arc<CookieNames>>) -> Self {
        self.settings().names = names.into();
        self
    }

    /// Sets the accepted kinds of credential; [`AcceptedCredentials::SESSION_OR_ACCESS_TOKEN`] by default.
    #[must_use]
    pub fn with_accepted_credentials(mut self, accepted: AcceptedCredentials) -> Self {
        self.settings().accepted = accepted;
        self
    }

    /// Answers unauthenticated requests in the layer, with 401 or 503.
    #[must_use]
    pub fn require_authentication(mut self) -> Self {
        self.settings().requirement = Requirement::Principal;
        self
    }

    /// Refuses cross-site writes with one of the cookies, with 403, before the request is authenticated: what
    /// [`CsrfLayer`](crate::CsrfLayer) does, without another layer around each request. Handshakes of WebSockets and
    /// event streams are refused as writes are, if a cookie authenticates them.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use counterfoil_verify::{AuthLayer, Authenticator, Clock, Origin, OriginPolicy};
    ///
    /// fn layer(verifier: Arc<dyn Authenticator>, clock: Arc<dyn Clock>, own: Origin) -> AuthLayer {
    ///     AuthLayer::new(verifier, clock).with_csrf_protection(OriginPolicy::new(own))
    /// }
    /// ```
    #[must_use]
    pub fn with_csrf_protection(mut self, origins: impl Into<Arc<OriginPolicy>>) -> Self {
        self.settings().origins = Some(origins.into());
        self
    }

    /// Sets the issuer in the `type` of the problems with which the layer and the extractors behind it answer.
    /// Only for a service that is the issuer.
    #[must_use]
    pub fn with_problem_issuer(mut self, issuer: ProblemIssuer) -> Self {
        Arc::make_mut(&mut self.settings().context).problem_issuer = Some(issuer);
        self
    }

    /// Sets a value for the extractors behind the layer, which read it with [`AuthState::application`]. Only for
    /// the crate of the issuer.
    #[doc(hidden)]
    #[must_use]
    pub fn with_application(mut self, application: Arc<dyn Any + Send + Sync>) -> Self {
        Arc::make_mut(&mut self.settings().context).application = Some(application);
        self
    }

    /// Sets a function that returns headers for the response to a request with two different credentials: they clear cookies
    /// that a browser would otherwise send with each request. Only for the crate of the issuer.
    #[doc(hidden)]
    #[must_use]
    pub fn with_cleared_duplicates(
        mut self,
        clear: impl Fn(&Uri, &HeaderMap) -> HeaderMap + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.settings().context).clear_duplicates = Some(Arc::new(clear));
        self
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { names, accepted, requirement, origins, context, .. } = &*self.0;
        f.debug_struct("AuthLayer")
            .field("names", names)
            .field("accepted", accepted)
            .field("requirement", requirement)
            .field("origins", origins)
            .field("context", context)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        let mut settings = Settings::clone(&self.0);
        let authentication = Authentication {
            authenticator: Arc::clone(&settings.authenticator),
            clock: Arc::clone(&settings.clock),
            names: Arc::clone(&settings.names),
            accepted: settings.accepted,
            is_required: settings.requirement == Requirement::Principal,
        };
        Arc::make_mut(&mut settings.context).authentication = Some(authentication);
        AuthService { inner, settings: Arc::new(settings) }
    }
}

/// The service of an [`AuthLayer`].
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    settings: Arc<Settings>,
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
        let Self { inner, settings } = self;
        if let Err(error) = settings.check_csrf(&request) {
            return AuthResponseFuture::reject(error.into(), settings, &request);
        }
        let credentials = match read_credentials(request.headers(), &settings.names, settings.accepted) {
            Ok(credentials) => credentials,
            // The extractors refuse it. A login replaces both credentials, so it must reach its handler.
            Err(error) => {
                let (result, source) = (Err(error.into()), CredentialSource::Cookie);
                return AuthResponseFuture::forward(inner, settings, result, source, request);
            }
        };
        let source = credentials.source;
        if let Err(error) = settings.check_handshake(&request, source) {
            return AuthResponseFuture::reject(error.into(), settings, &request);
        }
        match settings.authenticator.authenticate(credentials.credential, settings.clock.now()) {
            AuthFuture::Ready(result) => {
                AuthResponseFuture::forward(inner, settings, result, source, request)
            }
            AuthFuture::Pending(future) => {
                // The service that was polled ready must serve this request; its clone serves the next one.
                let clone = inner.clone();
                let inner = mem::replace(inner, clone);
                let settings = Arc::clone(settings);
                let pending = Box::new(PendingRequest { inner, settings, source, request });
                AuthResponseFuture { state: State::Authenticating { future, pending: Some(pending) } }
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Settings {
    /// Refuses a cross-site write.
    fn check_csrf<B>(&self, request: &Request<B>) -> Result<(), CrossSiteRequest> {
        match &self.origins {
            Some(origins) if !is_safe_method(request.method()) => {
                check_csrf_with_cookie(request.method(), request.headers(), origins, &self.names)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a cross-site handshake that a cookie authenticates. Most requests are checked only here: their
    /// credential is known, and the headers are not searched for cookies again.
    fn check_handshake<B>(
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

/// A request that waits for its authentication.
struct PendingRequest<S, B> {
    inner: S,
    settings: Arc<Settings>,
    source: CredentialSource,
    request: Request<B>,
}

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
    fn forward(
        inner: &mut S,
        settings: &Settings,
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

    fn reject(problem: Problem, settings: &Settings, request: &Request<B>) -> Self {
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

/// Keeps shared caches from serving one caller's response to another (RFC 9111, section 3.5; RFC 9110, section
/// 12.5.5).
fn with_cache_headers<R>(mut response: Response<R>, source: CredentialSource) -> Response<R> {
    let headers = response.headers_mut();
    match source {
        CredentialSource::None => {}
        CredentialSource::Cookie | CredentialSource::Bearer => {
            if let Entry::Vacant(entry) = headers.entry(CACHE_CONTROL) {
                // No cache stores it, so it needs no `Vary`.
                entry.insert(NO_STORE);
                return response;
            }
            make_private(headers);
        }
    }
    headers.append(VARY, HeaderValue::from_static("cookie, authorization"));
    response
}

/// Forbids shared caches to store a response whose handler sets `Cache-Control`. The handler may only choose how long
/// the client itself stores it: it may say `public` for the page of an unknown client, and the same handler shows a user's
/// page.
fn make_private(headers: &mut HeaderMap) {
    let lines = headers.get_all(CACHE_CONTROL).into_iter().map(|line| line.to_str().unwrap_or("no-store"));
    let directives: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    if directives.iter().any(|one| one.eq_ignore_ascii_case("no-store")) {
        return;
    }
    // `private` is first, so that no unbalanced quote before it hides it.
    let kept = directives.into_iter().filter(|one| !is_for_shared_caches(one));
    let value: Vec<&str> = std::iter::once("private").chain(kept).collect();
    let value = HeaderValue::try_from(value.join(", ")).unwrap_or(NO_STORE);
    headers.insert(CACHE_CONTROL, value);
}

/// Whether a directive allows shared caches to store a response, or restricts `private` to some of its fields (RFC
/// 9111, section 5.2.2). Empty elements of the list are left out too.
fn is_for_shared_caches(directive: &str) -> bool {
    let name = directive.split('=').next().unwrap_or_default().trim_end();
    ["", "public", "s-maxage", "private"].iter().any(|one| name.eq_ignore_ascii_case(one))
}
