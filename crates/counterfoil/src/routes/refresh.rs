//! `POST /v1/refresh`: exchanges a refresh token for the next pair of tokens.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AcceptedCredentials, AuthError, CredentialSource};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, optional_secret};
use crate::http::presented_sessions::{multiple_credentials, read_one_credential};
use crate::http::scope::validate_scope;
use crate::http::set_cookie::SetCookies;
use crate::operations::presented_session::PresentedSession;
use crate::operations::refresh as operation;
use crate::routes::problem_responses::{
    BadRequest, InvalidFields, RefreshForbidden, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};
use crate::routes::responses::{CredentialsResponse, Transport};

const ACCEPTED: AcceptedCredentials = AcceptedCredentials::REFRESH_TOKEN;

/// The refresh token, if it is not in a cookie, and the requested scope.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    /// The refresh token, `cfr_…`. Absent if it is in the cookie; then the next one is, too.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
    /// The scope of the new access token: a subset of the scope of the session. By default all of it.
    scope: Option<String>,
}

/// Returns the next pair of tokens.
///
/// The client keeps the new refresh token and drops the used one. If the answer was lost, the used token can be sent again
/// within the grace period (`refresh.reuse_grace`, 10 seconds by default) and gets the same new one. A later use counts as
/// theft, and ends the session for both holders.
#[utoipa::path(
    post, path = "/v1/refresh", tag = "public", request_body = Option<RefreshRequest>,
    security((), ("refresh" = [])),
    responses(
        (status = 200, description = "The next pair of tokens", body = CredentialsResponse),
        BadRequest, Unauthorized, RefreshForbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn refresh(
    State(app): State<App>,
    client: ClientInfo,
    headers: HeaderMap,
    body: Option<JsonBody<RefreshRequest>>,
) -> Result<impl IntoResponse, AppError> {
    let now = app.now_to_issue()?;
    let RefreshRequest { refresh_token, scope } = body.map(|JsonBody(body)| body).unwrap_or_default();
    let scope = scope.map(validate_scope).transpose()?;
    let (token, transport) = read_refresh_token(&app, &headers, refresh_token.as_ref(), now).await?;

    let in_cookies = transport == Transport::Cookie;
    let issued = operation::refresh(&app, &token, scope.as_deref(), in_cookies, &client, now).await?;
    let session = PresentedSession::from_session(&issued.session);
    let cookies = SetCookies::new(&app.parts.cookies);
    let cookies = if in_cookies { cookies.like_presented(&headers) } else { cookies };
    let (cookies, body) = CredentialsResponse::new(&issued.credential, transport, cookies, now)?;
    Ok((Extension(session), cookies, Json(body.with_scope(scope.or(issued.session.scope)))))
}

/// The refresh token of the request and the transport of the response. If there is a cookie, the response
/// sets it: a browser that kept the used token would end its own session.
async fn read_refresh_token(
    app: &App,
    headers: &HeaderMap,
    body_token: Option<&Secret<String>>,
    now: Time,
) -> Result<(RefreshToken, Transport), AppError> {
    let cookie = read_one_credential(app, headers, ACCEPTED, now).await?.refresh_token;
    let (text, transport) = match (cookie, body_token) {
        (Some(cookie), None) => (cookie.0, Transport::Cookie),
        (Some(cookie), Some(token)) if cookie.0 == token.expose() => (cookie.0, Transport::Cookie),
        (Some(_), Some(_)) => return Err(multiple_credentials(app, headers, ACCEPTED, now).await),
        (None, Some(token)) => (token.expose().as_str(), Transport::Bearer),
        (None, None) => return Err(AppError::auth(AuthError::MissingCredential, CredentialSource::None)),
    };
    let token = text.parse().map_err(|_| ClientError::from(InvalidCredential::Malformed))?;
    Ok((token, transport))
}
