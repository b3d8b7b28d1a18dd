//! `GET /v1/me`: the current user and session.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::{ClientError, InvalidCredential};

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::operations::views::UserView;
use crate::routes::problem_responses::{BadRequest, Unauthorized, Unavailable};
use crate::routes::responses::SessionResponse;

/// The current user and session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct MeResponse {
    /// The user.
    user: UserView,
    /// The session of the presented credential.
    session: SessionResponse,
}

/// Returns the current user and session.
///
/// This is how a client, or another service to which a browser sends the cookie, asks whether a credential is valid.
#[utoipa::path(
    get, path = "/v1/me", operation_id = "current_user",
    tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "The current user and session", body = MeResponse),
        BadRequest, Unauthorized, Unavailable,
    )
)]
pub(super) async fn me(
    State(app): State<App>,
    current_user: CurrentUser,
) -> Result<Json<MeResponse>, AppError> {
    let deleted = || ClientError::from(InvalidCredential::Unknown);
    let user = app.parts.store.user(current_user.user).await?.ok_or_else(deleted)?;
    let session = app.parts.store.session(current_user.session).await?.ok_or_else(deleted)?;
    Ok(Json(MeResponse { user: (&user).into(), session: (&session).into() }))
}
