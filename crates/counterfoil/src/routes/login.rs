//! `POST /v1/login`: authenticates with a password and issues the credentials of a new session.

use axum::extract::{FromRequestParts, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::HeaderMap;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_core::services::account;
use counterfoil_core::services::issuer::IssuedSession;
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, secret};
use crate::http::presented_sessions::{credentials_in_cookies, reject_two_session_cookies, replaced_cookies};
use crate::http::scope::{parse_client_id, validate_audience, validate_scope};
use crate::http::set_cookie::{CredentialTooLarge, SetCookies};
use crate::operations::credential::IssuedCredential;
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::label::validate_label;
use crate::operations::login as operation;
use crate::operations::presented_session::PresentedSession;
use crate::operations::views::{ModeSchema, UserView};
use crate::routes::problem_responses::{
    BadRequest, InvalidFields, LoginFailed, LoginForbidden, RequestTimeout, TooLarge, TooManyRequests,
    Unavailable, UnsupportedMediaType,
};
use crate::routes::responses::{CredentialsResponse, SessionResponse, Transport};

/// The username and password, and the requested session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    /// A username, or a verified e-mail address.
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    /// What the client gets: `session` (the default) is an opaque session token, `jwt` an access token, `hybrid` a
    /// short-lived access token with a refresh token.
    #[serde(default)]
    #[schema(value_type = Option<ModeSchema>)]
    mode: Mode,
    /// How the client gets it: `bearer` (the default) is in the body of the answer, `cookie` is in cookies that scripts
    /// cannot read.
    #[serde(default)]
    transport: Transport,
    /// Whether the browser keeps the cookies when it is closed: `true` (the default), or `false` on a device of others. Only with
    /// the transport `cookie`.
    remember: Option<bool>,
    /// The application that logs the user in, as added by an administrator. It decides which modes, audiences and scopes
    /// are allowed, and the lifetimes. By default `default`, which exists from the start.
    client_id: Option<String>,
    /// The user's name for the device, as `phone`: 1 to 64 characters, shown in the list of sessions.
    label: Option<String>,
    /// The scope to which the credentials are limited: space-separated words (RFC 6749, section 3.3). By default they are
    /// not limited.
    scope: Option<String>,
    /// The service for which the access tokens are, as its URL: the claim `aud`. By default the issuer. Not in mode
    /// `session`.
    audience: Option<String>,
}

/// The new session with its credentials.
#[derive(Serialize, ToSchema)]
pub(super) struct LoginResponse {
    /// The user.
    user: UserView,
    /// The new session.
    session: SessionResponse,
    #[serde(flatten)]
    credentials: CredentialsResponse,
}

impl LoginResponse {
    /// The body for a client that gets its credentials by `transport`, and the cookies with those credentials.
    ///
    /// # Errors
    ///
    /// [`CredentialTooLarge`] if browsers would not store a token as a cookie.
    pub(super) fn new(
        issued: &IssuedSession<Vec<IssuedCredential>>,
        transport: Transport,
        cookies: SetCookies,
        now: Time,
    ) -> Result<(SetCookies, Self), CredentialTooLarge> {
        let IssuedSession { session, credential, user } = issued;
        let (cookies, credentials) = CredentialsResponse::new(credential, transport, cookies, now)?;
        let credentials = credentials.with_scope(session.scope.clone());
        Ok((cookies, Self { user: user.into(), session: session.into(), credentials }))
    }

    /// The same body with the scope of the credential, which may be narrower than that of its session.
    pub(super) fn with_scope(self, scope: Option<String>) -> Self {
        Self { credentials: self.credentials.with_scope(scope), ..self }
    }
}

/// Logs in: verifies the password, stores a session and returns its credentials.
///
/// With the transport `cookie`, the sessions whose cookies the browser still has are ended: a new login replaces the former
/// one. The answer is the same for an unknown user, a wrong password and a disabled user.
#[utoipa::path(
    post, path = "/v1/login", tag = "public", request_body = LoginRequest,
    responses(
        (status = 200, description = "Logged in; the credentials of the new session", body = LoginResponse),
        BadRequest, LoginFailed, LoginForbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn login(
    State(app): State<App>,
    _: HashQueueCheck,
    client: ClientInfo,
    headers: HeaderMap,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<impl IntoResponse, AppError> {
    let now = app.now_to_issue()?;
    let (transport, is_remembered) = (request.transport, request.remember.unwrap_or(true));
    let in_cookies = transport == Transport::Cookie;
    if !is_remembered && !in_cookies {
        return Err(AppError::field("remember", "must be absent or true without the transport `cookie`"));
    }
    reject_two_session_cookies(&app, &headers, now).await?;
    let credentials = account::Credentials {
        username: request.username,
        password: request.password,
        client: parse_client_id(request.client_id.as_deref())?,
        mode: request.mode,
    };
    let replaced = replaced_cookies(in_cookies);
    let request = operation::LoginRequest {
        credentials,
        label: request.label.as_deref().map(validate_label).transpose()?.flatten(),
        scope: request.scope.map(validate_scope).transpose()?,
        audience: request.audience.map(validate_audience).transpose()?,
        client_info: client,
        in_cookies,
        replaced: credentials_in_cookies(&app, &headers, replaced),
    };
    let issued = operation::login(&app, request, now).await?;

    let cookies = SetCookies::new(&app.parts.cookies);
    let cookies = if is_remembered { cookies } else { cookies.until_browser_closes() };
    let (cookies, body) = LoginResponse::new(&issued, transport, cookies, now)?;
    let cookies = cookies.clear_presented_of(replaced, &headers);
    let cookies = if in_cookies { cookies.clear_mark(&headers) } else { cookies };
    let presented = PresentedSession::from_session(&issued.session);
    Ok((Extension(presented), cookies, Json(body)))
}

/// Rejects a login before its body is read if the password hash queue is full or the client IP has used its share.
pub(super) struct HashQueueCheck;

impl FromRequestParts<App> for HashQueueCheck {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
        check_hash_capacity(app, client.ip, &app.parts.metrics.logins)?;
        Ok(Self)
    }
}
