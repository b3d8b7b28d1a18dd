//! `POST /v1/password`: changes the password, in a session or with the username.

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::Secret;
use counterfoil_verify::AuthError;

use crate::app::App;
use crate::http::body_error::BodyError;
use crate::http::current_user::{AccountOwner, CurrentUser};
use crate::http::error::{AppError, AuthRejection};
use crate::http::json_body::{JsonBody, secret};
use crate::http::presented_sessions::clear_not_live;
use crate::http::scope::parse_client_id;
use crate::http::set_cookie::{SetCookies, is_presented};
use crate::operations::hash_capacity::check_hash_capacity;
use crate::operations::password as operation;
use crate::operations::password::{ChangingSession, PasswordChange};
use crate::operations::presented_session::PresentedSession;
use crate::operations::scope_limit::scope_of;
use crate::routes::login::LoginResponse;
use crate::routes::problem_responses::{
    BadRequest, InvalidFields, PasswordChangeFailed, PasswordChangeForbidden, RequestTimeout, TooLarge,
    TooManyRequests, Unavailable, UnsupportedMediaType,
};
use crate::routes::responses::Transport;
use crate::settings::cookie_options::CookieKind;

/// The current and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePasswordRequest {
    /// A username, or a verified e-mail address, to change the password without a session. Credentials in the request are
    /// then ignored.
    username: Option<String>,
    /// The client application, with `username` only; by default `default`.
    client_id: Option<String>,
    /// The current password.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    current_password: Secret<String>,
    /// 8 to 256 characters of any kind.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    new_password: Secret<String>,
}

/// Changes a password, and ends all other sessions of the user.
///
/// In a session, this session stays, and the answer has its new credentials, as cookies if the request has one; the former
/// ones are invalid at once. With `username`, no credential is needed, the limits and errors are those of a login, and
/// every session of the user ends.
#[utoipa::path(
    post, path = "/v1/password", operation_id = "change_password",
    tag = "protected", request_body = ChangePasswordRequest,
    security((), ("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "Changed; the new credentials of this session", body = LoginResponse),
        (status = 204, description = "Changed with `username`; all sessions are ended"),
        BadRequest, PasswordChangeFailed, PasswordChangeForbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    _: HashQueueCheck,
    client: ClientInfo,
    headers: HeaderMap,
    current_user: Result<AccountOwner, AppError>,
    body: Result<JsonBody<ChangePasswordRequest>, AppError>,
) -> Result<Response, AppError> {
    let current_user = current_user.map(|AccountOwner(current_user)| current_user);
    let JsonBody(request) = match body {
        Ok(body) => body,
        Err(error) => return Err(body_error(error, current_user)),
    };
    match request {
        ChangePasswordRequest { username: Some(username), client_id, current_password, new_password } => {
            let change = PasswordChange { current: current_password, new: new_password };
            let (client_id, now) = (parse_client_id(client_id.as_deref())?, app.now());
            operation::change_password_by_login(&app, username, client_id, change, client, now).await?;
            // The request may have the cookies of another user, which stay.
            let cookies = clear_not_live(&app, &headers, CookieKind::ALL, now).await;
            Ok((StatusCode::NO_CONTENT, cookies, ()).into_response())
        }
        ChangePasswordRequest { client_id: Some(_), .. } => Err(current_user
            .err()
            .unwrap_or(AppError::field("client_id", "must be absent without `username`"))),
        ChangePasswordRequest { current_password, new_password, .. } => {
            let change = PasswordChange { current: current_password, new: new_password };
            change_in_session(&app, current_user?, change, client, &headers).await
        }
    }
}

async fn change_in_session(
    app: &App,
    current_user: CurrentUser,
    change: PasswordChange,
    client: ClientInfo,
    headers: &HeaderMap,
) -> Result<Response, AppError> {
    current_user.check_account_access()?;
    let now = app.now_to_issue()?;
    // A cookie is the only credential, or the same as the bearer token. A browser that kept it would be logged out.
    let kinds = [CookieKind::Session, CookieKind::Access];
    let in_cookies = kinds.iter().any(|kind| is_presented(*kind, app.parts.cookies.names(), headers));
    let (presented, scope) = (current_user.presented(), scope_of(&current_user.principal));
    let session = ChangingSession { presented, principal: current_user.principal, in_cookies };
    let issued = operation::change_password(app, session, change, client, now).await?;

    let transport = if in_cookies { Transport::Cookie } else { Transport::Bearer };
    let cookies = SetCookies::new(&app.parts.cookies);
    let cookies = if in_cookies { cookies.like_presented(headers) } else { cookies };
    let (cookies, body) = LoginResponse::new(&issued, transport, cookies, now)?;
    let presented = PresentedSession::from_session(&issued.session);
    Ok((Extension(presented), cookies, Json(body.with_scope(scope))).into_response())
}

/// The error for a request whose body is not accepted. What is wrong with its credential comes first, but for a request with
/// a body and without a credential: it may be one with `username`.
fn body_error(error: AppError, current_user: Result<CurrentUser, AppError>) -> AppError {
    let has_body = !matches!(error, AppError::Body(BodyError::Missing));
    match current_user {
        Ok(current_user) => current_user.check_account_access().err().unwrap_or(error),
        Err(AppError::Auth(AuthRejection { error: AuthError::MissingCredential, .. })) if has_body => error,
        Err(rejected) => rejected,
    }
}

/// Rejects a password change before its body is read if the password hash queue is full, as a login.
pub(super) struct HashQueueCheck;

impl FromRequestParts<App> for HashQueueCheck {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
        check_hash_capacity(app, client.ip, &app.parts.metrics.password_changes)?;
        Ok(Self)
    }
}
