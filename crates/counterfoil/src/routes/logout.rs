//! `POST /v1/logout`: ends the sessions of all credentials in the request.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, optional_secret};
use crate::http::logout_request::{clear_site_data, find_presented_sessions};
use crate::http::set_cookie::SetCookies;
use crate::operations::logout;
use crate::routes::problem_responses::{
    AccountForbidden, BadRequest, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unavailable,
    UnsupportedMediaType,
};

/// The session to end, if neither a cookie nor a bearer token names it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogoutRequest {
    /// The refresh token, `cfr_…`; a used one is accepted too. Absent if a cookie or a bearer token names the session.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
}

/// Logs out: ends the session of the presented credential, in every mode.
///
/// The credential is a cookie, a bearer token (also an access token that has expired) or a refresh token. All tokens of the
/// session are refused from now on, and the presented cookies are cleared. The answer is also 204 if nothing was presented,
/// or if the session has already ended.
#[utoipa::path(
    post, path = "/v1/logout", tag = "public", request_body = Option<LogoutRequest>,
    security((), ("bearer" = []), ("session" = []), ("access" = []), ("refresh" = [])),
    responses(
        (status = 204, description = "Logged out; the presented cookies are cleared"),
        BadRequest, AccountForbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields, TooManyRequests,
        Unavailable,
    )
)]
pub(super) async fn logout(
    State(app): State<App>,
    client: ClientInfo,
    headers: HeaderMap,
    body: Option<JsonBody<LogoutRequest>>,
) -> Result<impl IntoResponse, AppError> {
    let now = app.now();
    let token = body.and_then(|JsonBody(body)| body.refresh_token);
    let sessions = find_presented_sessions(&app, &headers, token.as_ref(), now).await?;

    // On an error the cookies stay: the client must not believe that it is logged out.
    logout::log_out(&app, sessions, &client, now).await?;
    let cookies = SetCookies::new(&app.parts.cookies).clear_presented(&headers).clear_mark(&headers);
    Ok((StatusCode::NO_CONTENT, cookies, clear_site_data(app.parts.settings.clear_site_data_on_logout)))
}
