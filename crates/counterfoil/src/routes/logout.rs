//! `POST /v1/logout`: ends the sessions of all credentials in the request.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{
    AcceptedCredentials, AuthError, CredentialSource, PresentedCredential, Principal, RequestCredentials,
    RequiredPermission,
};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, optional_secret};
use crate::http::presented_sessions::{multiple_credentials, read_one_credential};
use crate::http::set_cookie::SetCookies;
use crate::operations::presented_session::{PresentedSession, find_by_any_refresh_token, find_live, log_out};
use crate::operations::sessions::ACCOUNT_SCOPE;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unavailable,
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
    /// `cfr_…`; a used one is accepted too.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
}

/// Ends the presented session. Also 204 without a session, or if it has already ended.
#[utoipa::path(
    post, path = "/v1/logout", tag = "public", request_body = Option<LogoutRequest>,
    responses(
        (status = 204, description = "Logged out; the presented cookies are cleared"),
        BadRequest, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields, TooManyRequests,
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
    log_out(&app, sessions, &client, now).await?;
    let cookies = SetCookies::new(&app.cookies).clear_presented(&headers);
    Ok((StatusCode::NO_CONTENT, cookies, clear_site_data(app.settings.clear_site_data_on_logout)))
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
    sessions.extend(find_by_credential(app, &presented, now).await?);
    if let Some(text) = cookie.or(body_token) {
        sessions.extend(find_by_any_refresh_token(app, text).await?);
    }
    Ok(sessions)
}

/// The session of a session or access token. An access token for another audience, or one that has expired, is accepted
/// if it is authentic.
async fn find_by_credential(
    app: &App,
    presented: &RequestCredentials<'_>,
    now: Time,
) -> Result<Option<PresentedSession>, AppError> {
    match presented.credential {
        PresentedCredential::None => Ok(None),
        PresentedCredential::SessionToken(text) => find_live(app, CookieKind::Session, text, now)
            .await
            .map_err(|error| AppError::auth(error, presented.source)),
        PresentedCredential::AccessToken(text) => {
            let verified = app.verifier.token_verifier().verify_ignoring_expiry_and_audience(text, now);
            let Ok(principal) = verified else { return Ok(None) };
            find_by_access_token(app, &principal, presented.source).await
        }
    }
}

/// The session of an authentic access token, if a logout with it may end the session: the token is one that the login or a
/// refresh issued, or one that may do everything that those may.
///
/// # Errors
///
/// [`AuthError::Forbidden`] for an exchanged token that is limited to a scope or to another audience.
async fn find_by_access_token(
    app: &App,
    principal: &Principal,
    source: CredentialSource,
) -> Result<Option<PresentedSession>, AppError> {
    let Some(presented) = PresentedSession::from_principal(principal) else { return Ok(None) };
    let Some(session) = app.store.session(presented.session).await? else { return Ok(None) };
    let is_for = |audience: &str| principal.audiences().iter().any(|one| one == audience);
    let has_own_audience = match &session.audience {
        Some(audience) => is_for(audience),
        None => is_for(app.settings.issuer.as_str()),
    };
    let is_limited = session.scope.is_none() && principal.scopes().next().is_some();
    if !has_own_audience || (is_limited && !principal.has_scope(ACCOUNT_SCOPE)) {
        let required = RequiredPermission::Scope(ACCOUNT_SCOPE.into());
        return Err(AppError::auth(AuthError::Forbidden(required), source));
    }
    Ok(Some(presented))
}
