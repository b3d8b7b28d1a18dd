//! `/v1/verify/…`: a proxy asks whether a request may pass, and for which user.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use tower::{Service, service_fn};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::error::AppError;
use crate::http::request_log::{REQUEST_ID, RequestLogContext, RequestStarted};
use crate::http::response_headers::FinalLayer;
use crate::operations::forward_auth as operation;
use crate::operations::forward_auth::error::ForwardAuthError;
use crate::operations::forward_auth::identity::{EMPTY, NAMES, set_identity_headers};
use crate::operations::forward_auth::proxy::Proxy;
use crate::operations::forward_auth::{ForwardAuthAnswer, ForwardedCall, VerifyError};
use crate::operations::presented_session::PresentedSession;
use crate::routes::problem_responses::{
    ForwardAuthForbidden, InvalidProxyRequest, NotFound, TooManyRequests, Unauthorized, Unavailable,
};

/// The path below which each proxy has its own.
const PREFIX: &str = "/v1/verify/";

/// Every path below it.
pub(super) const PATH: &str = "/v1/verify/{*call}";

/// Those of a proxy that names no options.
pub(super) const PATHS_WITHOUT_OPTIONS: [&str; 5] =
    ["/v1/verify/nginx", "/v1/verify/caddy", "/v1/verify/traefik", "/v1/verify/haproxy", "/v1/verify/apache"];

/// Every method but these. A proxy that passes the client's method on does not pass them.
const REFUSED: [Method; 2] = [Method::TRACE, Method::CONNECT];

/// Answers the proxies, as one service and one future: a layer around the handler would cost each request two allocations.
pub(super) fn service(
    layer: FinalLayer,
) -> impl Service<
    Request,
    Response = Response,
    Error = Infallible,
    Future = impl Future<Output = Result<Response, Infallible>> + Send,
> + Clone
+ Send
+ Sync {
    let shared = Arc::new((passed_headers(layer.security_headers()), layer));
    service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move {
            let (passed, layer) = &*shared;
            let route = |request: Request, started: &RequestStarted| {
                let ((parts, _), log) = (request.into_parts(), started.context.clone());
                async move { verify(layer.app(), &parts, &log, passed).await.into_response() }
            };
            let mut response = layer.run(request, route).await;
            // An answer that lets the request pass has them, and no other one is 200.
            if response.status() != StatusCode::OK {
                layer.add_security_headers(response.headers_mut());
            }
            Ok(response)
        }
    })
}

/// Decides for a proxy whether a request may pass.
///
/// The proxy is `nginx`, `caddy`, `traefik`, `haproxy` or `apache`, and describes the request in `X-Forwarded-Method`,
/// `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Forwarded-Uri`. The credentials are those of the request itself. An answer 200
/// has the headers `Remote-User`, `Remote-Email`, `Remote-Groups`, `Remote-Subject`, `Remote-External-Id`, `Remote-Session` and
/// `Remote-Assertion`, which are empty without a value. Every method is accepted; no body is read. nginx gets 401 with `Location`
/// in the place of 303.
#[utoipa::path(
    get, path = "/v1/verify/{proxy}", operation_id = "verify_forwarded_request", tag = "proxies",
    params(("proxy" = String, Path, description = "The kind of proxy, as `nginx`")),
    security((), ("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "The request may pass; the headers `Remote-*` name the user"),
        (status = 303, description = "The browser must log in first; `Location` is the login page"),
        InvalidProxyRequest, Unauthorized, ForwardAuthForbidden, NotFound, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn verify(
    app: &App,
    parts: &Parts,
    log: &RequestLogContext,
    passed: &HeaderMap,
) -> Result<Response, AppError> {
    if REFUSED.contains(&parts.method) {
        let allow = [(ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")];
        return Ok((allow, AppError::MethodNotAllowed).into_response());
    }
    let (proxy, options, target) = split(&parts.uri).ok_or(AppError::NotFound)?;
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let call = ForwardedCall {
        proxy,
        options,
        target,
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        peer,
        client: request_ip(parts, app),
    };
    match operation::verify(app, call, app.now()).await {
        Ok(answer) => Ok(respond(&answer, log, passed)),
        Err(error) => {
            if let VerifyError::Refused(refused) = &error {
                warn(app, proxy, refused);
            }
            Err(error.into())
        }
    }
}

/// Decides for a proxy whether a request may pass that needs more than a login.
///
/// The options are `-`, or items joined by `&`, with percent-encoded values: `role=R` (repeatable; one of them is required),
/// `scope=S` (repeatable; all are required), `max_age=SECONDS` since the login, `optional` (without a credential the request
/// passes with empty headers), `cookie` or `bearer` (read only these), `nologin` (never redirect). An item that is not known is
/// 400. Envoy always names options, and appends the path and the query of the request.
#[utoipa::path(
    get, path = "/v1/verify/{proxy}/{options}", operation_id = "verify_forwarded_request_with_options", tag = "proxies",
    params(
        ("proxy" = String, Path, description = "The kind of proxy, as `nginx`"),
        ("options" = String, Path, description = "What is required, as `role=admin&max_age=600`"),
    ),
    security((), ("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "The request may pass; the headers `Remote-*` name the user"),
        (status = 303, description = "The browser must log in first; `Location` is the login page"),
        InvalidProxyRequest, Unauthorized, ForwardAuthForbidden, NotFound, TooManyRequests, Unavailable,
    )
)]
#[expect(dead_code, reason = "the OpenAPI document describes the path; `verify` answers it")]
pub(super) async fn verify_with_options() {}

/// The proxy, the options and what follows them. `None`: there is no such path.
///
/// The query belongs to the client with some proxies. It is read only where it is part of the client's path.
fn split(uri: &Uri) -> Option<(Proxy, &str, Option<&str>)> {
    let rest = uri.path().strip_prefix(PREFIX)?;
    let (name, options) = rest.split_once('/').unwrap_or((rest, "-"));
    let proxy = Proxy::find(name)?;
    if !proxy.forwards_request_line() {
        return (!options.contains('/')).then_some((proxy, options, None));
    }
    let whole = uri.path_and_query()?.as_str().strip_prefix(PREFIX)?.strip_prefix(name)?;
    let whole = whole.strip_prefix('/').unwrap_or_default();
    match whole.find(['/', '?']) {
        Some(at) => Some((proxy, &whole[..at], Some(&whole[at..]))),
        None => Some((proxy, whole, None)),
    }
}

/// The answer; `passed` has the headers of one that lets a request pass, without a user.
fn respond(answer: &ForwardAuthAnswer, log: &RequestLogContext, passed: &HeaderMap) -> Response {
    match answer {
        ForwardAuthAnswer::Redirect(location) => {
            (StatusCode::SEE_OTHER, [(LOCATION, location.clone())]).into_response()
        }
        ForwardAuthAnswer::Allowed { identity, assertion, source } => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = passed.clone();
            if let Some(identity) = identity {
                let (user, session) = identity.user_and_session();
                log.set(PresentedSession { session, user }, *source);
                set_identity_headers(response.headers_mut(), identity, assertion.as_deref());
            }
            response
        }
    }
}

/// The headers of an answer that lets a request pass, without a user. Each answer has a copy, because to add two dozen headers
/// one after the other is most of the work on it. There is a place for those that are added later: the map then never grows.
fn passed_headers(security_headers: &HeaderMap) -> HeaderMap {
    let mut headers = security_headers.clone();
    headers.extend(NAMES.iter().map(|name| (name.clone(), EMPTY)));
    headers.insert(REQUEST_ID.clone(), EMPTY);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers
}

/// Warns an operator, at most once a minute and kind: a client could otherwise fill the log.
fn warn(app: &App, proxy: Proxy, error: &ForwardAuthError) {
    if error.is_misconfiguration() && app.parts.forward_auth.warnings.is_due(error.code(), app.now()) {
        tracing::warn!(proxy = proxy.name(), %error, "a proxy asks for forward authentication and is refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proxy_that_needs_no_options_has_a_path_without_them() {
        let proxies = Proxy::ALL.into_iter().filter(|proxy| !proxy.forwards_request_line());

        assert!(proxies.map(|proxy| format!("{PREFIX}{}", proxy.name())).eq(PATHS_WITHOUT_OPTIONS));
    }

    #[test]
    fn an_answer_that_lets_a_request_pass_has_every_header_before_its_user_is_known() {
        let security_headers =
            HeaderMap::from_iter([(http::header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))]);

        let headers = passed_headers(&security_headers);

        assert_eq!(headers[http::header::REFERRER_POLICY], "no-referrer");
        assert!(NAMES.iter().all(|name| headers[name].is_empty()));
    }
}
