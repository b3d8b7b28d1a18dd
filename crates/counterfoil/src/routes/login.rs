//! `POST /v1/login`: authenticates with a password and issues the credentials of a new session.

use std::collections::BTreeSet;

use axum::extract::{FromRequestParts, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::HeaderMap;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::session::{ClientInfo, EndReason, Mode, Session};
use counterfoil_core::model::user::User;
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::{self, AuthenticatedUser};
use counterfoil_core::services::issuer::{IssuedSession, NewSession};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AcceptedCredentials, ClientId, CredentialSource, cookie_values};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, secret};
use crate::http::presented_sessions::{
    PresentedSession, end_sessions, find_live_by_cookies, multiple_credentials,
};
use crate::http::scope::{validate_audience, validate_scope};
use crate::http::set_cookie::{CookieKind, SetCookies};
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};
use crate::routes::responses::{CredentialsResponse, ModeSchema, SessionResponse, Transport, UserResponse};
use crate::runtime::task::run_detached;

/// The longest label in characters.
const MAX_LABEL_CHARS: usize = 64;

/// The username and password, and the requested session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    /// A username, or a verified e-mail address.
    username: String,
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    #[serde(default)]
    #[schema(value_type = Option<ModeSchema>)]
    mode: Mode,
    #[serde(default)]
    transport: Transport,
    /// The client application; by default `default`.
    client_id: Option<String>,
    /// The user's name for the device, at most 64 characters.
    label: Option<String>,
    /// The scope to which the credentials are limited: space-separated words (RFC 6749, section 3.3).
    scope: Option<String>,
    /// The audience of the access tokens; by default the issuer. Not in mode `session`.
    audience: Option<String>,
}

/// The new session with its credentials.
#[derive(Serialize, ToSchema)]
pub(super) struct LoginResponse {
    user: UserResponse,
    session: SessionResponse,
    #[serde(flatten)]
    credentials: CredentialsResponse,
}

/// Logs in: verifies the password, stores a session and returns its credentials.
///
/// A live session of the same browser is ended. 401 is the same for an unknown user, a wrong password and a
/// disabled user.
#[utoipa::path(
    post, path = "/v1/login", tag = "public", request_body = LoginRequest,
    responses(
        (status = 200, description = "Logged in", body = LoginResponse),
        BadRequest, Unauthorized, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
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
    reject_two_session_cookies(&app, &headers, now).await?;
    let options = LoginOptions {
        mode: request.mode,
        transport: request.transport,
        label: request.label.map(validate_label).transpose()?,
        scope: request.scope.map(validate_scope).transpose()?,
        audience: request.audience.map(validate_audience).transpose()?,
    };
    let credentials = account::Credentials {
        username: request.username,
        password: request.password,
        client: parse_client_id(request.client_id.as_deref())?,
        mode: request.mode,
    };
    let transport = options.transport;
    let (app, headers, result) = run_detached(async move {
        let result = log_in(&app, &headers, credentials, options, client, now).await;
        (app, headers, result)
    })
    .await;
    let IssuedSession { session, credential, user } = app.metrics.logins.count(result)?;

    let (cookies, credentials) = credential.with_transport(transport, SetCookies::new(app.cookie_names))?;
    let cookies = cookies.clear_presented_of(replaced_cookies(transport), &headers);
    let presented = PresentedSession::from_session(&session);
    let body = LoginResponse { user: (&user).into(), session: (&session).into(), credentials };
    Ok((Extension(presented), cookies, Json(body)))
}

/// Rejects a login before its body is read if the password hash queue is full. In a burst of logins, a
/// rejected one then costs one short response, and other requests stay fast.
pub(super) struct HashQueueCheck;

impl FromRequestParts<App> for HashQueueCheck {
    type Rejection = AppError;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, AppError> {
        let Err(error) = app.hashing.check_capacity() else { return Ok(Self) };
        app.metrics.logins.count(Err(ServiceError::from(error).into()))
    }
}

/// The requested session.
struct LoginOptions {
    mode: Mode,
    transport: Transport,
    label: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
}

/// Authenticates, issues the session and ends the ones that it replaces.
async fn log_in(
    app: &App,
    headers: &HeaderMap,
    credentials: account::Credentials,
    options: LoginOptions,
    client: ClientInfo,
    now: Time,
) -> Result<IssuedSession<CredentialsResponse>, AppError> {
    let LoginOptions { mode, transport, label, scope, audience } = options;
    let authenticated = app.accounts.authenticate(&credentials, &client, now).await?;
    // Previous sessions are ended only after successful authentication: a cross-site request with a wrong
    // password must not log a user out.
    let mut previous = find_previous_sessions(app, headers, transport, now).await?;
    let replaces = previous.pop_first().map(|presented| presented.session);
    let max_token_length = match transport {
        Transport::Bearer => None,
        Transport::Cookie => Some(CookieKind::Access.max_value_len(&app.cookie_names)),
    };
    let client_info = client.clone();
    let session = NewSession { client_info, label, scope, audience, replaces, max_token_length };
    let issued = issue(app, mode, authenticated, session, now).await?;
    // A browser with cookies of several sessions keeps the new one only.
    end_sessions(app, previous, EndReason::Replaced, &client, now).await?;
    Ok(issued)
}

/// Issues a session with the credentials of its mode.
async fn issue(
    app: &App,
    mode: Mode,
    user: AuthenticatedUser,
    session: NewSession,
    now: Time,
) -> Result<IssuedSession<CredentialsResponse>, ServiceError> {
    match mode {
        Mode::Session => {
            let IssuedSession { session, credential, user } =
                app.issuer.issue_session(user, session, now).await?;
            let credentials = CredentialsResponse::from_session_token(&credential, &session, now);
            Ok(with_credentials(credentials, session, user))
        }
        Mode::Jwt => {
            let IssuedSession { session, credential, user } =
                app.issuer.issue_access_token(user, session, now).await?;
            Ok(with_credentials(CredentialsResponse::from_access_token(&credential, now), session, user))
        }
        Mode::Hybrid => {
            let IssuedSession { session, credential, user } =
                app.issuer.issue_token_pair(user, session, now).await?;
            Ok(with_credentials(CredentialsResponse::from_token_pair(&credential, now), session, user))
        }
    }
}

fn with_credentials(
    credential: CredentialsResponse,
    session: Session,
    user: User,
) -> IssuedSession<CredentialsResponse> {
    let credential = credential.with_scope(session.scope.clone());
    IssuedSession { session, credential, user }
}

/// Rejects two session cookies with different values: the order must not decide which session is replaced.
async fn reject_two_session_cookies(app: &App, headers: &HeaderMap, now: Time) -> Result<(), AppError> {
    let values: BTreeSet<&str> = cookie_values(headers, app.cookie_names.session).collect();
    if values.len() > 1 {
        return Err(multiple_credentials(app, headers, AcceptedCredentials::SESSION_TOKEN, now).await);
    }
    Ok(())
}

/// The kinds of cookie whose session a login replaces. With the transport `cookie` it is all kinds, because
/// an old cookie of another kind would conflict with the new one.
const fn replaced_cookies(transport: Transport) -> &'static [CookieKind] {
    match transport {
        Transport::Bearer => &[CookieKind::Session],
        Transport::Cookie => &CookieKind::ALL,
    }
}

async fn find_previous_sessions(
    app: &App,
    headers: &HeaderMap,
    transport: Transport,
    now: Time,
) -> Result<BTreeSet<PresentedSession>, AppError> {
    find_live_by_cookies(app, headers, replaced_cookies(transport), now)
        .await
        .map_err(|error| AppError::auth(error, CredentialSource::Cookie))
}

fn parse_client_id(text: Option<&str>) -> Result<ClientId, AppError> {
    text.map_or_else(|| Ok(ClientId::default()), str::parse)
        .map_err(|_| AppError::field("client_id", "must be 1 to 128 characters of printable ASCII"))
}

fn validate_label(label: String) -> Result<String, AppError> {
    if label.chars().count() > MAX_LABEL_CHARS || label.chars().any(char::is_control) {
        let detail = format!("must be at most {MAX_LABEL_CHARS} characters, without control characters");
        return Err(AppError::field("label", detail));
    }
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_limited_in_length_and_has_no_control_characters() {
        assert!(validate_label("📱".repeat(64)).is_ok());
        for bad in ["a".repeat(65), "a\nb".into(), "\u{9b}31m".into()] {
            assert!(validate_label(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
