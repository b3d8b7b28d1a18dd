//! `POST /v1/password`: changes the password and ends all other sessions.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::current_user::{AccountOwner, CurrentUser};
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, secret};
use crate::operations::password::{PasswordChange, change_password};
use crate::operations::presented_session::PresentedSession;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};

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
    AccountOwner(current_user): AccountOwner,
    client: ClientInfo,
    JsonBody(request): JsonBody<ChangePasswordRequest>,
) -> Result<StatusCode, AppError> {
    current_user.check_account_access()?;
    let CurrentUser { user, session, now, .. } = current_user;
    let ChangePasswordRequest { current_password: current, new_password: new } = request;
    let change = PasswordChange { current, new };
    change_password(&app, PresentedSession { session, user }, change, client, now).await?;
    Ok(StatusCode::NO_CONTENT)
}
