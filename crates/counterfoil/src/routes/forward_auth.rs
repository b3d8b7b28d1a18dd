//! `/v1/verify/…`: a proxy asks whether a request may pass, and for which user.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, LOCATION};
use http::request::Parts;
use http::{Method, StatusCode, Uri};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::error::AppError;
use crate::http::request_log::RequestLogContext;
use crate::operations::forward_auth as operation;
use crate::operations::forward_auth::error::ForwardAuthError;
use crate::operations::forward_auth::identity::identity_headers;
use crate::operations::forward_auth::proxy::Proxy;
use crate::operations::forward_auth::{ForwardAuthAnswer, ForwardedCall, VerifyError};
use crate::operations::presented_session::PresentedSession;
use crate::routes::problem_responses::{
    ForwardAuthForbidden, InvalidProxyRequest, NotFound, TooManyRequests, Unauthorized, Unavailable,
};

/// The path below which each proxy has its own.
const PREFIX: &str = "/v1/verify/";

/// As many as an answer has that lets a request pass.
const MOST_HEADERS: usize = 24;

/// Every method but these. A proxy that passes the client's method on does not pass them.
const REFUSED: [Method; 2] = [Method::TRACE, Method::CONNECT];

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
pub(super) async fn verify(State(app): State<App>, request: Request) -> Result<Response, AppError> {
    let (parts, _) = request.into_parts();
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
        client: request_ip(&parts, &app),
    };
    match operation::verify(&app, call, app.now()).await {
        Ok(answer) => Ok(respond(&parts, &answer)),
        Err(error) => {
            if let VerifyError::Refused(refused) = &error {
                warn(&app, proxy, refused);
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

fn respond(parts: &Parts, answer: &ForwardAuthAnswer) -> Response {
    match answer {
        ForwardAuthAnswer::Redirect(location) => {
            (StatusCode::SEE_OTHER, [(LOCATION, location.clone())]).into_response()
        }
        ForwardAuthAnswer::Allowed { identity, assertion, source } => {
            if let (Some(context), Some(identity)) = (parts.extensions.get::<RequestLogContext>(), identity) {
                let (user, session) = identity.user_and_session();
                context.set(PresentedSession { session, user }, *source);
            }
            let mut response = StatusCode::OK.into_response();
            // With room for the headers of every response, which follow.
            response.headers_mut().reserve(MOST_HEADERS);
            response.headers_mut().extend(identity_headers(identity.as_deref(), assertion.as_deref()));
            response
        }
    }
}

/// Warns an operator, at most once a minute and kind: a client could otherwise fill the log.
fn warn(app: &App, proxy: Proxy, error: &ForwardAuthError) {
    if error.is_misconfiguration() && app.parts.forward_auth.warnings.is_due(error.code(), app.now()) {
        tracing::warn!(proxy = proxy.name(), %error, "a proxy asks for forward authentication and is refused");
    }
}
