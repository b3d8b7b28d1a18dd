//! `POST /v1/password`: another password; this login stays, all others end.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_jose::Secret;

use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::current_user::Caller;
use crate::http::error::AppError;
use crate::http::json_body::{StrictJson, secret};
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, TooLarge, TooManyRequests, TooSlow, Unauthorized, Unavailable,
    UnsupportedType,
};
use crate::runtime::task::run_detached;

/// The password as it is and as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordForm {
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    current_password: Secret<String>,
    /// 8 to 256 characters, any.
    #[schema(value_type = String, format = Password)]
    #[serde(deserialize_with = "secret")]
    new_password: Secret<String>,
}

/// Changes the password of the caller.
#[utoipa::path(
    post, path = "/v1/password", tag = "protected", request_body = PasswordForm,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 204, description = "Changed; all other logins have ended"),
        BadRequest, Unauthorized, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Whence(from): Whence,
    StrictJson(form): StrictJson<PasswordForm>,
) -> Result<StatusCode, AppError> {
    let (app, changed) = run_detached(async move {
        let shown = (&form.current_password, &form.new_password);
        let changed =
            app.accounts.change_password(caller.user, Some(caller.session), shown, &from, caller.now);
        let changed = changed.await;
        (app, changed)
    })
    .await;
    app.tally.password_changes.count(changed.map_err(AppError::from))?;
    Ok(StatusCode::NO_CONTENT)
}
