//! `POST /v1/register`: adds a user.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::account;
use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::{JsonBody, secret};
use crate::operations::register as operation;
use crate::operations::views::UserView;
use crate::routes::problem_responses::{
    BadRequest, InvalidFields, RegistrationForbidden, RequestTimeout, TooLarge, TooManyRequests, Unavailable,
    UnsupportedMediaType, UsernameTaken,
};

/// A user to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterRequest {
    /// 1 to 64 characters after normalization by the UsernameCaseMapped profile of RFC 8265: letters and digits of one
    /// script, ASCII punctuation except `@`, and single spaces.
    username: String,
    /// 8 to 256 characters of any kind.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    /// An e-mail address. Stored unverified: it is no login name until an administrator has verified it.
    email: Option<String>,
}

/// The registered user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisterResponse {
    /// The user.
    user: UserView,
}

/// Registers a user.
///
/// The user has no roles and no session yet: the client logs in with `POST /v1/login`. The setting
/// `registration = "closed"` switches this call off; then administrators add users.
#[utoipa::path(
    post, path = "/v1/register", tag = "public", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The user was added", body = RegisterResponse),
        BadRequest, RegistrationForbidden, UsernameTaken, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(super) async fn register(
    State(app): State<App>,
    client: ClientInfo,
    JsonBody(request): JsonBody<RegisterRequest>,
) -> Result<impl IntoResponse, AppError> {
    let RegisterRequest { username, password, email } = request;
    // Only an operator or an administrator gives roles.
    let registration =
        account::Registration { username, password, email, roles: Vec::new(), external_id: None };
    let user = operation::register(&app, registration, client).await?;
    Ok((StatusCode::CREATED, Json(RegisterResponse { user: (&user).into() })))
}
