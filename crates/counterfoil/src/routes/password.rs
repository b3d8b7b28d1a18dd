//! `POST /v1/password`: changes the password and ends all other sessions.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, secret};
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};
use crate::runtime::task::run_detached;

/// The current and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePasswordRequest {
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    current_password: Secret<String>,
    /// 8 to 256 characters of any kind.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    new_password: Secret<String>,
}

/// Changes the password of the current user. This session stays; all others are ended.
#[utoipa::path(
    post, path = "/v1/password", operation_id = "change_password",
    tag = "protected", request_body = ChangePasswordRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 204, description = "Changed; all other sessions are ended"),
        BadRequest, Unauthorized, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    current_user: CurrentUser,
    client: ClientInfo,
    JsonBody(request): JsonBody<ChangePasswordRequest>,
) -> Result<StatusCode, AppError> {
    current_user.check_account_access()?;
    let CurrentUser { user, session, now, .. } = current_user;
    let (app, result) = run_detached(async move {
        let passwords = (&request.current_password, &request.new_password);
        let result = app.accounts.change_password(user, Some(session), passwords, &client, now).await;
        (app, result)
    })
    .await;
    app.metrics.password_changes.count(result.map_err(AppError::from))?;
    Ok(StatusCode::NO_CONTENT)
}
