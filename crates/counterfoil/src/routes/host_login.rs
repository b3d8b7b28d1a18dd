//! Logins at guarded hosts that do not get the cookies of the issuer: `/.counterfoil/…` of the host, and `/v1/host-login`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{COOKIE, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use counterfoil_core::credentials::host_token::{BrowserPersistence, LoginState};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_verify::{AcceptedCredentials, Authenticator as _, CredentialSource};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::error::AppError;
use crate::http::presented_sessions::read_one_credential;
use crate::http::request_log::RequestLogContext;
use crate::http::set_cookie::page_cookie::PageCookie;
use crate::http::set_cookie::set_host_cookie;
use crate::operations::forward_auth::host_login::{self as operation, HostLoginRequest, STATE_LIFETIME};
use crate::operations::forward_auth::{HostCall, VerifyError};
use crate::routes::problem_responses::{
    GuardedHostForbidden, HostLoginBadRequest, HostLoginForbidden, HostLoginInvalid, InvalidFields,
    TooManyRequests, Unauthorized, Unavailable,
};
use crate::routes::query_parameters::QueryParameters;

/// The route at which a login begins, at a guarded host.
pub(super) const START: &str = "/.counterfoil/start";

/// The route at which it ends.
pub(super) const CALLBACK: &str = "/.counterfoil/callback";

/// The route that ends its session.
pub(super) const LOGOUT: &str = "/.counterfoil/logout";

/// Begins a login at a guarded host.
///
/// The proxy forwards it with `X-Forwarded-Host` and `X-Forwarded-Proto`. The answer sets a cookie with a random state, and sends
/// the browser to `/v1/host-login` of the issuer. `return_to` is a path of the host; anything else becomes `/`. With `reauth=1` a
/// user who is logged in logs in again.
#[utoipa::path(
    get, path = "/.counterfoil/start", operation_id = "start_host_login", tag = "proxies",
    params(
        ("return_to" = Option<String>, Query, description = "Where the browser continues: a path, with or without a query"),
        ("reauth" = Option<String>, Query, description = "`1`: show the login page in any case"),
    ),
    responses(
        (status = 303, description = "The browser continues at the issuer"),
        HostLoginBadRequest, GuardedHostForbidden, InvalidFields, TooManyRequests,
    )
)]
pub(super) async fn start(State(app): State<App>, request: Request) -> Result<Response, AppError> {
    let (mut parts, _) = request.into_parts();
    let query = QueryParameters::from_request_parts(&mut parts, &app).await?;
    query.allow_only(&["return_to", "reauth"])?;
    let (return_to, login_is_required) = (query.get("return_to")?, is_set(query.get("reauth")?)?);
    let started = operation::start(&app, call(&parts, &app), return_to, login_is_required, app.now());
    let started = started.map_err(|error| refuse(&app, error))?;
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, started.location)]).into_response();
    let name = app.parts.forward_auth.cookie_names.state;
    set_host_cookie(&app.parts.cookies, response.headers_mut(), name, &started.state, Some(STATE_LIFETIME));
    Ok(response)
}

/// Sends a browser back to a guarded host with a code, if its user is logged in at the issuer.
///
/// Otherwise it is sent to the login page, which leads back here. Only cookies are read.
#[utoipa::path(
    get, path = "/v1/host-login", operation_id = "issue_host_login", tag = "proxies",
    params(
        ("host" = String, Query, description = "The guarded host, with its port if it is not the default one"),
        ("state" = String, Query, description = "The state that the host has made"),
        ("return_to" = String, Query, description = "Where the browser continues at the host: a path, with or without a query"),
        ("reauth" = Option<String>, Query, description = "`1`: show the login page in any case"),
    ),
    security((), ("session" = []), ("access" = [])),
    responses(
        (status = 303, description = "The browser continues at the host, or at the login page"),
        HostLoginBadRequest, Unauthorized, HostLoginForbidden, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn issue(
    State(app): State<App>,
    headers: HeaderMap,
    query: QueryParameters,
) -> Result<Response, AppError> {
    query.allow_only(&["host", "state", "return_to", "reauth"])?;
    let host = query.get("host")?.ok_or_else(|| AppError::field("host", "must be a guarded host"))?;
    let state: LoginState = query
        .parse("state", "16 bytes as base64url")?
        .ok_or_else(|| AppError::field("state", "must be 16 bytes as base64url"))?;
    let target = query.get("return_to")?.filter(|text| operation::is_valid_target(text));
    let target =
        target.ok_or_else(|| AppError::field("return_to", "must be a path, with or without a query"))?;
    let login_is_required = is_set(query.get("reauth")?)?;
    let now = app.now();
    let cookies = cookies_of(&headers);
    let accepted = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN;
    let presented = read_one_credential(&app, &cookies, accepted, now).await?;
    let authenticated = app.parts.authenticator.authenticate(presented.credential, now).wait().await;
    let persistence = match PageCookie::Temporary.value(app.parts.cookies.names(), &cookies) {
        Some(_) => BrowserPersistence::UntilClosed,
        None => BrowserPersistence::Lifetime,
    };
    let request = HostLoginRequest { host, state: &state, target, login_is_required, persistence };
    let location = operation::issue(&app, &headers, request, authenticated, now).await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// Ends a login at a guarded host: exchanges the code for a cookie of this host.
///
/// The proxy forwards it with `X-Forwarded-Host` and `X-Forwarded-Proto`. `state` must be that of the cookie, so that no page can
/// log a user in as somebody else; the code is accepted once, at this host, within a minute.
#[utoipa::path(
    get, path = "/.counterfoil/callback", operation_id = "complete_host_login", tag = "proxies",
    params(
        ("code" = String, Query, description = "The code of the issuer"),
        ("state" = String, Query, description = "The state of this browser"),
        ("return_to" = String, Query, description = "Where the browser continues, as the code says"),
    ),
    responses(
        (status = 303, description = "Logged in at this host; the browser continues at `return_to`"),
        HostLoginBadRequest, HostLoginInvalid, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn callback(State(app): State<App>, request: Request) -> Result<Response, AppError> {
    let (mut parts, _) = request.into_parts();
    let query = QueryParameters::from_request_parts(&mut parts, &app).await?;
    query.allow_only(&["code", "state", "return_to"])?;
    let [code, state, target] = [query.get("code")?, query.get("state")?, query.get("return_to")?];
    let values = (code.unwrap_or_default(), state.unwrap_or_default(), target.unwrap_or("/"));
    let login = operation::complete(&app, call(&parts, &app), values, app.now()).await;
    let login = app.parts.metrics.host_logins.count(login).map_err(|error| refuse(&app, error))?;
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, login.location)]).into_response();
    if let Some(issued) = login.token {
        if let Some(context) = parts.extensions.get::<RequestLogContext>() {
            context.set(issued.session, CredentialSource::None);
        }
        let (cookies, headers) = (&app.parts.cookies, response.headers_mut());
        let names = app.parts.forward_auth.cookie_names;
        set_host_cookie(cookies, headers, names.token, &issued.token, issued.max_age);
        set_host_cookie(cookies, headers, names.state, &"", Some(Duration::ZERO));
    }
    Ok(response)
}

/// Logs out at a guarded host: ends the session, in every mode and at all hosts.
///
/// The proxy forwards it with `X-Forwarded-Host` and `X-Forwarded-Proto`. Only pages of the host itself, or of a trusted origin, may
/// send it. The answer is also 204 if there was no session.
#[utoipa::path(
    post, path = "/.counterfoil/logout", operation_id = "log_out_of_host", tag = "proxies",
    responses(
        (status = 204, description = "Logged out; the cookie of this host is cleared"),
        HostLoginBadRequest, GuardedHostForbidden, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn log_out(State(app): State<App>, request: Request) -> Result<Response, AppError> {
    let (mut parts, _) = request.into_parts();
    let Ok(client) = ClientInfo::from_request_parts(&mut parts, &app).await;
    // On an error the cookie stays: the client must not believe that it is logged out.
    let ended = operation::log_out(&app, call(&parts, &app), &client, app.now()).await;
    ended.map_err(|error| refuse(&app, error))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let name = app.parts.forward_auth.cookie_names.token;
    set_host_cookie(&app.parts.cookies, response.headers_mut(), name, &"", Some(Duration::ZERO));
    Ok(response)
}

fn call<'a>(parts: &'a Parts, app: &App) -> HostCall<'a> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    HostCall { headers: &parts.headers, peer, client: request_ip(parts, app) }
}

/// Whether a flag of the query is set.
fn is_set(value: Option<&str>) -> Result<bool, AppError> {
    match value {
        None => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(AppError::field("reauth", "must be 1")),
    }
}

/// Only the cookies: a program with a bearer token needs no cookie of a host.
fn cookies_of(headers: &HeaderMap) -> HeaderMap {
    let mut cookies = HeaderMap::new();
    for line in headers.get_all(COOKIE) {
        cookies.append(COOKIE, HeaderValue::clone(line));
    }
    cookies
}

/// The error, after an operator was warned of a proxy that is not configured for this.
fn refuse(app: &App, error: VerifyError) -> AppError {
    if let VerifyError::Refused(refused) = &error
        && refused.is_misconfiguration()
        && app.parts.forward_auth.warnings.is_due(refused.code(), app.now())
    {
        tracing::warn!(error = %refused, "a proxy forwards a login at a guarded host and is refused");
    }
    error.into()
}
