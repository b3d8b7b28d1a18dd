//! The edge of every route: an id for the request, the headers that harden an answer, and the last net.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use tracing::{Instrument as _, Span};

use counterfoil_verify::{Problem, ProblemIssuer, RequestId};

use crate::app::App;
use crate::counters::Route;
use crate::http::error::AppError;
use crate::http::request_log::{Arrived, REQUEST_ID};
#[cfg(feature = "otel")]
use crate::http::trace_context::Traced;
use crate::runtime::panics;

/// On every answer. None of ours is a page: nothing may be loaded by it, nor may it be loaded elsewhere.
const HARDENING: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// A year, where the issuer is reached over TLS (RFC 6797).
const HSTS: &str = "max-age=31536000";

/// What stands around a route: the installation, and where its requests are counted.
#[derive(Clone)]
pub(crate) struct Edge {
    app: App,
    route: Arc<Route>,
    issuer: ProblemIssuer,
}

impl Edge {
    /// The edge of the route with this template.
    pub(crate) fn of(app: &App, path: &'static str) -> Self {
        Self {
            app: app.clone(),
            route: app.tally.requests.route(path),
            issuer: ProblemIssuer(app.settings().issuer.as_str().into()),
        }
    }
}

/// Wraps every route: names the request, lets it through, writes its line in the log and finishes the answer.
///
/// The name is ours, or that of a proxy whose word is believed: what a client sends could name another's.
pub(crate) async fn finish(
    State(Edge { app, route, issuer }): State<Edge>,
    mut request: Request,
    next: Next,
) -> Response {
    let arrived = Arrived::of(&app, &request);
    let id = arrived.id.clone();
    let span = span_of(&arrived, &route);
    #[cfg(feature = "otel")]
    let traced = Traced::begin(&span, &app, &request, &arrived, &route);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(issuer.clone());
    request.extensions_mut().insert(arrived.mark.clone());
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let answer = next.run(request).instrument(span).await;
    arrived.answered(&route, &answer);
    #[cfg(feature = "otel")]
    traced.answered(&answer);

    let mut answer = with_id(answer, &id, &issuer);
    harden(answer.headers_mut(), app.settings().issuer.is_secure());
    if is_chunked {
        // Whether there was a Content-Length beside it, hyper does not tell. A proxy that went by that takes for
        // body what we would take for the next request: there is none on this connection (RFC 9112, section 6.1).
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// What stands around the handling of a request, so that each line said within has its id. It has the level of errors
/// because it makes no line itself: where the log tells only of trouble, trouble is still told with an id.
///
/// A build for traces says in it that we serve and do not ask, which cannot be added later.
fn span_of(arrived: &Arrived, route: &Route) -> Span {
    let (id, method, route) = (&*arrived.id.0, arrived.method, route.path);
    #[cfg(not(feature = "otel"))]
    return tracing::error_span!("request", request_id = id, method, route);
    #[cfg(feature = "otel")]
    tracing::error_span!("request", request_id = id, method, route, otel.kind = "server")
}

/// Writes the id of the request on the answer, and into its problem if it is one.
fn with_id(mut answer: Response, id: &RequestId, issuer: &ProblemIssuer) -> Response {
    if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
        let named: Response =
            IntoResponse::into_response(problem.request_id(id.0.clone()).issuer(Arc::clone(&issuer.0)));
        *answer.body_mut() = named.into_body();
        answer.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        answer.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    answer
}

fn harden(headers: &mut HeaderMap, is_secure: bool) {
    for (name, value) in HARDENING {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    // Who may store an answer says so; nearly all of ours read or set a credential.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Turns a panic into an answer that does not repeat what it said.
pub(crate) fn caught(_: Box<dyn Any + Send>) -> Response {
    panics::count_panic();
    AppError::Panicked.into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tracing::Level;

    use super::*;
    use crate::runtime::test_log::CapturedLogs;
    use crate::settings::Settings;

    #[tokio::test]
    async fn trouble_within_a_request_has_its_id_however_little_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let app = App::open(Settings::new("http://localhost".parse().unwrap(), store)).await.unwrap();
        let (arrived, edge) = (Arrived::of(&app, &Request::new(Body::empty())), Edge::of(&app, "/v1/me"));

        for level in [Level::INFO, Level::WARN, Level::ERROR] {
            let (_, _listening) = CapturedLogs::capture(level);
            let span = span_of(&arrived, &edge.route);
            assert!(span.has_field("request_id") && !span.is_disabled(), "{level}");
        }
    }

    #[test]
    fn an_answer_that_says_nothing_of_caches_is_not_stored() {
        let mut silent = HeaderMap::new();
        let mut public = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("max-age=300"))]);

        harden(&mut silent, true);
        harden(&mut public, true);

        assert_eq!(silent[CACHE_CONTROL], "no-store");
        assert_eq!(public[CACHE_CONTROL], "max-age=300");
    }

    #[test]
    fn only_an_issuer_on_tls_asks_for_tls() {
        for is_secure in [true, false] {
            let mut headers = HeaderMap::new();
            harden(&mut headers, is_secure);
            assert_eq!(headers.contains_key(STRICT_TRANSPORT_SECURITY), is_secure);
        }
    }

    #[test]
    fn a_panic_is_counted_and_says_nothing_of_itself() {
        let before = panics::panic_count();

        let answer = caught(Box::new("hunter2"));

        assert_eq!(answer.status(), 500);
        assert!(panics::panic_count() > before);
    }
}
