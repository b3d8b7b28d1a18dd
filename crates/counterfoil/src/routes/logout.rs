//! `POST /v1/logout`: ends the sessions of all credentials in the request.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AcceptedCredentials, PresentedCredential, RequestCredentials};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, optional_secret};
use crate::http::presented_sessions::{multiple_credentials, read_one_credential};
use crate::http::set_cookie::SetCookies;
use crate::operations::error::OperationError;
use crate::operations::logout;
use crate::operations::presented_session::{PresentedSession, find_by_any_refresh_token};
use crate::routes::problem_responses::{
    AccountForbidden, BadRequest, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unavailable,
    UnsupportedMediaType,
};
use crate::settings::cookie_options::CookieKind;

/// W3C Clear Site Data, section 3.1.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// All kinds of credential.
const ACCEPTED: AcceptedCredentials = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token();

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
    let cookies = SetCookies::new(&app.parts.cookies).clear_presented(&headers);
    Ok((StatusCode::NO_CONTENT, cookies, clear_site_data(app.parts.settings.clear_site_data_on_logout)))
}

/// Makes the browser delete other data of the site: caches and service workers may hold what the user has
/// seen.
fn clear_site_data(is_enabled: bool) -> HeaderMap {
    let value = HeaderValue::from_static(r#""cookies","storage""#);
    is_enabled.then_some((CLEAR_SITE_DATA, value)).into_iter().collect()
}

/// The sessions of the session or access token, and of the refresh token from a cookie or the body.
async fn find_presented_sessions(
    app: &App,
    headers: &HeaderMap,
    body_token: Option<&Secret<String>>,
    now: Time,
) -> Result<BTreeSet<PresentedSession>, AppError> {
    let presented = read_one_credential(app, headers, ACCEPTED, now).await?;
    let cookie = presented.refresh_token.map(|token| token.0);
    let body_token = body_token.map(|token| token.expose().as_str());
    if cookie.is_some() && body_token.is_some() && cookie != body_token {
        return Err(multiple_credentials(app, headers, ACCEPTED, now).await);
    }
    let mut sessions = BTreeSet::new();
    if let Some(text) = cookie.or(body_token) {
        sessions.extend(find_by_any_refresh_token(app, text).await?);
    }
    sessions.extend(find_by_credential(app, &presented, &sessions, now).await?);
    Ok(sessions)
}

/// The session of a session or access token, if a logout with it may end the session.
async fn find_by_credential(
    app: &App,
    presented: &RequestCredentials<'_>,
    proven: &BTreeSet<PresentedSession>,
    now: Time,
) -> Result<Option<PresentedSession>, AppError> {
    let (kind, text) = match presented.credential {
        PresentedCredential::None => return Ok(None),
        PresentedCredential::SessionToken(text) => (CookieKind::Session, text),
        PresentedCredential::AccessToken(text) => (CookieKind::Access, text),
    };
    logout::find_by_credential(app, kind, text, proven, now).await.map_err(|error| match error {
        OperationError::Auth(error) => AppError::auth(error, presented.source),
        other => other.into(),
    })
}
