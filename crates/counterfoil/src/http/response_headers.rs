//! The outermost layer of every route: the request id, the security headers and the response to a panic.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HeaderName,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use tracing::{Instrument as _, Span};

use counterfoil_verify::{Problem, ProblemIssuer};

use crate::app::App;
use crate::counters::Route;
use crate::http::cors::CorsRequest;
use crate::http::error::AppError;
use crate::http::host::{HostPolicy, check_host};
use crate::http::oauth_error;
use crate::http::problem_types;
use crate::http::refusal_notes::RefusalNotes;
use crate::http::request_log::{REQUEST_ID, RequestStarted};
use crate::http::set_cookie::duplicates::DuplicateCookies;
use crate::http::timeout::within;
#[cfg(feature = "otel")]
use crate::http::trace_context::RequestSpan;
use crate::runtime::panics;

/// The challenge to a bearer token that has become invalid while its request was processed (RFC 6750, section 3.1).
const INVALID_TOKEN_CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Bearer error="invalid_token""#);

/// Which sites may embed a response.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The headers of a document that is the same for everybody, such as the public keys: pages of all origins may read
/// it. It says nothing about the user, and the browser sends no cookie of the user for it to be readable.
pub(crate) const READABLE_BY_ALL: [(HeaderName, &str); 2] =
    [(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (RESOURCE_POLICY, "cross-origin")];

/// The headers of every response that does not set them itself. It may load nothing; a page sets its own policy. Most responses
/// read or set a credential, so no cache may store them; a route whose response may be cached says so.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (RESOURCE_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

/// The path template, in the log and in metrics, of requests that match no route.
const UNMATCHED: &str = "unmatched";

/// One year; only if the issuer uses TLS (RFC 6797).
const HSTS: &str = "max-age=31536000";

/// The outermost layer of a route.
#[derive(Clone)]
pub(crate) struct FinalLayer {
    app: App,
    route: Arc<Route>,
    issuer: ProblemIssuer,
    host: HostPolicy,
    /// The methods of the route, for CORS.
    methods: &'static str,
    /// Whether errors have the body of RFC 6749, not that of a problem document.
    has_oauth_errors: bool,
    /// How long a request may take; without a limit here, a layer of the route limits it.
    time_limit: Option<Duration>,
    security_headers: HeaderMap,
}

/// The routes that are called by the address of the machine: by load balancers and probes, to which they reveal nothing about
/// users, and by proxies, whose address is checked.
fn is_called_by_another_host(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz") || path.starts_with("/v1/verify/")
}

impl FinalLayer {
    /// The layer of the route with this path template below the base path.
    pub(crate) fn for_route(app: &App, path: &str, methods: &'static str) -> Self {
        let layer = Self::for_template(app, format!("{}{path}", app.settings().base_path), methods);
        let is_loopback_only = layer.host.is_loopback_only && !is_called_by_another_host(path);
        Self { host: HostPolicy { is_loopback_only, ..layer.host }, ..layer }
    }

    /// The layer of the requests that match no route.
    pub(crate) fn unmatched(app: &App) -> Self {
        Self::for_template(app, UNMATCHED.to_owned(), "")
    }

    /// The layer of a route that is not below the base path.
    pub(crate) fn for_template(app: &App, template: String, methods: &'static str) -> Self {
        let issuer = ProblemIssuer(app.settings().api_url().into());
        let is_loopback_only = app.settings().issuer.is_loopback();
        let host = HostPolicy { is_required: false, is_loopback_only };
        let route = app.parts.metrics.requests.route(template);
        let security_headers = security_headers(app.settings().issuer.is_secure());
        Self {
            app: app.clone(),
            route,
            issuer,
            host,
            methods,
            has_oauth_errors: false,
            time_limit: None,
            security_headers,
        }
    }

    /// The same layer, for a route whose errors are those of RFC 6749, section 5.2.
    pub(crate) fn with_oauth_errors(mut self, has_oauth_errors: bool) -> Self {
        self.has_oauth_errors = has_oauth_errors;
        self
    }

    /// The same layer, with a limit of the duration of each request.
    pub(crate) const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// The layer of a route below `/.counterfoil/`, which a proxy forwards with the host of an application.
    pub(crate) fn for_guarded_hosts(app: &App, path: &str, methods: &'static str) -> Self {
        let layer = Self::for_template(app, path.to_owned(), methods);
        Self { host: HostPolicy { is_loopback_only: false, ..layer.host }, ..layer }
    }

    /// The same layer, for requests that must name their host.
    pub(crate) fn require_host(mut self, is_required: bool) -> Self {
        self.host.is_required = is_required;
        self
    }
}

/// Wraps every route: assigns the request id, checks the host, runs the route within its time limit, writes the request log and adds the
/// security headers.
pub(crate) async fn finish(State(layer): State<Arc<FinalLayer>>, request: Request, next: Next) -> Response {
    let issuer = layer.issuer.clone();
    let route = |mut request: Request, started: &RequestStarted| {
        let extensions = request.extensions_mut();
        extensions.insert(started.id.clone());
        extensions.insert(issuer);
        extensions.insert(started.context.clone());
        next.run(request)
    };
    let mut response = layer.run(request, route).await;
    layer.add_security_headers(response.headers_mut());
    response
}

impl FinalLayer {
    /// Answers a request with `route`, apart from the security headers: for a route that adds them in a faster way.
    ///
    /// A request id is taken from trusted proxies only: a client could otherwise use the id of another client's
    /// request.
    pub(crate) async fn run<F: Future<Output = Response>>(
        &self,
        request: Request,
        route: impl FnOnce(Request, &RequestStarted) -> F,
    ) -> Response {
        let Self { app, issuer, .. } = self;
        let started = RequestStarted::new(app, &request);
        let span = request_span(&started, &self.route);
        #[cfg(feature = "otel")]
        let request_span = RequestSpan::start(&span, app, &request, &started, &self.route);
        let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
        let cors = CorsRequest::new(&request, &app.parts.origins);
        let notes = app.settings().development_mode.as_ref().map(|_| RefusalNotes::new(&request));
        let response = match check_host(&request, self.host, app.settings().issuer.host()) {
            Ok(()) => {
                // Each is pinned here: a future that is moved into another one would take its place twice.
                let route = pin!(route(request, &started));
                let response = pin!(catch_panic(route).instrument(span));
                within(self.time_limit, response).await
            }
            Err(error) => AppError::from(error).into_response(),
        };
        let response = cors.answer_preflight(response, self.methods);
        started.finish(app, &self.route, &response);
        #[cfg(feature = "otel")]
        request_span.finish(&response);

        let errors = if self.has_oauth_errors { ErrorBody::OAuth } else { ErrorBody::Problem(issuer, notes) };
        let mut response = complete(response, &started, errors);
        // Only an error has them, and most responses are none.
        if response.status().is_client_error()
            && let Some(duplicates) = response.extensions_mut().remove::<DuplicateCookies>()
        {
            duplicates.clear(
                app.settings().issuer.host(),
                &app.settings().public_path(&self.route.path),
                response.headers_mut(),
            );
        }
        cors.add_headers(response.headers_mut());
        if is_chunked {
            // hyper does not report whether `Content-Length` was there too. A proxy that used it would treat as
            // body what this server would treat as the next request (request smuggling), so the connection is
            // closed (RFC 9112, section 6.1).
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Adds the security headers that the response does not have.
    pub(crate) fn add_security_headers(&self, headers: &mut HeaderMap) {
        // Once for all that follow, in place of a growth every few headers.
        headers.reserve(self.security_headers.len());
        for (name, value) in &self.security_headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// The security headers, for a response that is made from a copy of them.
    pub(crate) const fn security_headers(&self) -> &HeaderMap {
        &self.security_headers
    }

    /// The installation.
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }
}

/// The response of `route`, or 500 if it panics.
async fn catch_panic(mut route: Pin<&mut impl Future<Output = Response>>) -> Response {
    let poll = poll_fn(|context| {
        // A route that has panicked is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| route.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(panic_response(panic)))
    });
    poll.await
}

/// The span of a request: every log line within it has the request id. Its level is ERROR so that it is
/// enabled at each log level; it writes no line itself.
///
/// With the feature `otel` it has the span kind `server`, which cannot be set later.
fn request_span(started: &RequestStarted, route: &Route) -> Span {
    let (id, method, route) = (&*started.id.0, started.method, route.path.as_str());
    #[cfg(not(feature = "otel"))]
    return tracing::error_span!("request", request_id = id, method, route);
    #[cfg(feature = "otel")]
    tracing::error_span!("request", request_id = id, method, route, otel.kind = "server")
}

/// The body of an error response.
enum ErrorBody<'a> {
    /// A problem document of this issuer; in development mode with notes.
    Problem(&'a ProblemIssuer, Option<RefusalNotes>),
    /// That of an endpoint of OAuth.
    OAuth,
}

/// Adds the request id to the headers, and completes the body of an error.
fn complete(mut response: Response, started: &RequestStarted, errors: ErrorBody<'_>) -> Response {
    let id = &started.id;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if problem.name() == problem_types::INVALID_TOKEN.name && started.context.has_bearer() {
            // A service does not know where the credential of the request was presented.
            response.headers_mut().insert(WWW_AUTHENTICATE, INVALID_TOKEN_CHALLENGE);
        }
        match errors {
            ErrorBody::OAuth => oauth_error::replace_body(&mut response, &problem),
            ErrorBody::Problem(issuer, notes) => {
                let problem = match notes {
                    Some(notes) => notes.explain(problem),
                    None => problem,
                };
                let problem = problem.request_id(id.0.clone()).issuer(Arc::clone(&issuer.0));
                let complete: Response = IntoResponse::into_response(problem);
                *response.body_mut() = complete.into_body();
            }
        }
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// Those of an issuer; with `Strict-Transport-Security` if it uses TLS.
fn security_headers(is_secure: bool) -> HeaderMap {
    let hsts = is_secure.then_some((STRICT_TRANSPORT_SECURITY, HSTS));
    let all = SECURITY_HEADERS.into_iter().chain(hsts);
    all.map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// The response to a panic. It does not contain the panic message.
pub(crate) fn panic_response(_: Box<dyn Any + Send>) -> Response {
    panics::count_panic();
    AppError::Panic.into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use counterfoil_test_support::CapturedLogs;
    use tempfile::TempDir;
    use tracing::Level;

    use super::*;
    use crate::settings::Settings;

    async fn layer(issuer: &str) -> (FinalLayer, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let app = App::open(Settings::new(issuer.parse().unwrap(), store)).await.unwrap();
        (FinalLayer::for_route(&app, "/v1/me", "GET, HEAD"), dir)
    }

    #[tokio::test]
    async fn log_lines_within_a_request_have_its_id_at_each_log_level() {
        let (layer, _dir) = layer("http://localhost").await;
        let started = RequestStarted::new(layer.app(), &Request::new(Body::empty()));

        for level in [Level::INFO, Level::WARN, Level::ERROR] {
            let (_, _guard) = CapturedLogs::capture(level);
            let span = request_span(&started, &layer.route);
            assert!(span.has_field("request_id") && !span.is_disabled(), "{level}");
        }
    }

    #[tokio::test]
    async fn a_response_is_not_cached_by_default() {
        let (layer, _dir) = layer("http://localhost").await;
        let mut default = HeaderMap::new();
        let mut public = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("max-age=300"))]);

        layer.add_security_headers(&mut default);
        layer.add_security_headers(&mut public);

        assert_eq!(default[CACHE_CONTROL], "no-store");
        assert_eq!(public[CACHE_CONTROL], "max-age=300");
    }

    #[test]
    fn hsts_is_sent_only_by_an_issuer_with_tls() {
        for is_secure in [true, false] {
            assert_eq!(security_headers(is_secure).contains_key(STRICT_TRANSPORT_SECURITY), is_secure);
        }
    }

    #[test]
    fn a_panic_is_counted_and_its_message_is_not_sent() {
        let before = panics::panic_count();

        let response = panic_response(Box::new("hunter2"));

        assert_eq!(response.status(), 500);
        assert!(panics::panic_count() > before);
    }
}
