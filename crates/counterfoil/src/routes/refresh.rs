//! `POST /v1/refresh`: the next pair, or the same again where an answer was lost.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::HeaderMap;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AcceptedCredentials, AuthError, CredentialSource, read_credentials};

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::{StrictJson, secret};
use crate::http::presented_sessions::{self, Login};
use crate::http::scope;
use crate::http::set_cookie::SetCookies;
use crate::routes::answers::{Carrier, Credentials};
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, TooLarge, TooManyRequests, TooSlow, Unauthorized, Unavailable,
    UnsupportedType,
};

/// What is shown for the next pair, where it is not a cookie.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshForm {
    /// `cfr_…`; left out where the cookie carries it.
    #[serde(default, deserialize_with = "some_secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
    /// A part of the scope that was granted; it is never widened.
    scope: Option<String>,
}

/// Reads a token that may be left out, but not be null.
pub(super) fn some_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    secret(deserializer).map(Some)
}

/// Gives the next pair for a refresh token. A token that was spent before ends its login.
#[utoipa::path(
    post, path = "/v1/refresh", tag = "public", request_body = Option<RefreshForm>,
    responses(
        (status = 200, description = "The next pair", body = Credentials),
        BadRequest, Unauthorized, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn refresh(
    State(app): State<App>,
    Whence(from): Whence,
    headers: HeaderMap,
    form: Option<StrictJson<RefreshForm>>,
) -> Result<impl IntoResponse, AppError> {
    let now = app.now_to_issue()?;
    let form = form.map(|StrictJson(form)| form).unwrap_or_default();
    let scope = form.scope.map(scope::judge).transpose()?;
    let (token, carrier) = one_token(&app, &headers, form.refresh_token.as_ref(), now).await?;

    let opened = app.issuer.refresh(&token, scope.as_deref(), &from, now).await.map_err(AppError::from);
    let opened = app.tally.refreshes.count(opened)?;
    let login = Login::of(&opened.session);
    let credentials = Credentials::of_pair(&opened.credential, now).scoped(scope.or(opened.session.scope));
    let (cookies, credentials) = credentials.carried(carrier, SetCookies::none(app.cookie_names))?;
    Ok((Extension(login), cookies, Json(credentials)))
}

/// The one token that is shown. Where a cookie is shown the answer is carried as cookies: a browser left with
/// a spent one would end its own login.
async fn one_token(
    app: &App,
    headers: &HeaderMap,
    named: Option<&Secret<String>>,
    now: Time,
) -> Result<(RefreshToken, Carrier), AppError> {
    let cookie = read_credentials(headers, &app.cookie_names, AcceptedCredentials::REFRESH_TOKEN)
        .map(|found| found.refresh_token);
    let (text, carrier) = match (cookie, named) {
        (Ok(Some(cookie)), None) => (cookie.0, Carrier::Cookie),
        (Ok(Some(cookie)), Some(named)) if cookie.0 == named.expose() => (cookie.0, Carrier::Cookie),
        (Ok(None), Some(named)) => (named.expose().as_str(), Carrier::Body),
        (Ok(None), None) => {
            return Err(AppError::denied(AuthError::MissingCredential, CredentialSource::None));
        }
        (Ok(Some(_)), Some(_)) | (Err(_), _) => {
            return Err(
                presented_sessions::ambiguous(app, headers, AcceptedCredentials::REFRESH_TOKEN, now).await
            );
        }
    };
    let token = text.parse().map_err(|_| ClientError::from(InvalidCredential::Malformed))?;
    Ok((token, carrier))
}
