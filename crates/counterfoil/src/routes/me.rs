//! `GET /v1/me`: who is calling, in which login.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::{ClientError, InvalidCredential};

use crate::app::App;
use crate::http::current_user::Caller;
use crate::http::error::AppError;
use crate::routes::answers::{SessionView, UserView};
use crate::routes::responses::{BadRequest, Unauthorized, Unavailable};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    user: UserView,
    session: SessionView,
}

/// Tells who is calling.
#[utoipa::path(
    get, path = "/v1/me", tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    responses((status = 200, description = "Who is calling", body = Me), BadRequest, Unauthorized, Unavailable)
)]
pub(super) async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, AppError> {
    let gone = || ClientError::from(InvalidCredential::Unknown);
    let user = app.store.user(caller.user).await?.ok_or_else(gone)?;
    let session = app.store.session(caller.session).await?.ok_or_else(gone)?;
    Ok(Json(Me { user: UserView::of(&user), session: SessionView::of(&session) }))
}
