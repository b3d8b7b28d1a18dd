//! `POST /v1/register`: somebody becomes a user.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::services::account;
use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::{StrictJson, secret};
use crate::routes::answers::UserView;
use crate::routes::responses::{
    BadRequest, Conflict, Forbidden, InvalidFields, TooLarge, TooManyRequests, TooSlow, Unavailable,
    UnsupportedType,
};
use crate::runtime::task::run_detached;
use crate::settings::Registration;

/// What somebody registers with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterForm {
    /// 1 to 64 characters after normalization, none of them invisible, no `@`.
    username: String,
    /// 8 to 256 characters, any.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    /// Kept as claimed; nobody logs in by it before it is verified.
    email: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Registered {
    user: UserView,
}

/// Registers a user.
#[utoipa::path(
    post, path = "/v1/register", tag = "public", request_body = RegisterForm,
    responses(
        (status = 201, description = "The user was registered", body = Registered),
        BadRequest, Forbidden, Conflict, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn register(
    State(app): State<App>,
    Whence(from): Whence,
    StrictJson(form): StrictJson<RegisterForm>,
) -> Result<impl IntoResponse, AppError> {
    match app.settings().registration {
        Registration::Open => {}
        Registration::Closed => return Err(AppError::RegistrationClosed),
    }
    let RegisterForm { username, password, email } = form;
    // Roles come from an operator, never from the network.
    let wanted = account::Registration { username, password, email, roles: Vec::new() };
    let (app, registered) = run_detached(async move {
        let registered = app.accounts.register(wanted, Actor::Anonymous, &from, app.now()).await;
        (app, registered)
    })
    .await;
    let user = app.tally.registrations.count(registered.map_err(AppError::from))?;
    Ok((StatusCode::CREATED, Json(Registered { user: UserView::of(&user) })))
}
