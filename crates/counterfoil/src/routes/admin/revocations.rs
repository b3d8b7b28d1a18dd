//! `POST /v1/revocations`: whatever the log can name, dead when the answer comes.

use axum::Json;
use axum::extract::State;

use crate::admin::RevocationRequest;
use crate::admin::responses::RevocationResponse;
use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::StrictJson;
use crate::routes::admin::administrator::Administrator;
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, TooLarge, TooManyRequests, TooSlow, Unauthorized,
    Unavailable, UnsupportedType,
};
use crate::runtime::task::run_on_blocking_thread;

/// Revokes a login, all of a user, of a client or of everyone so far, one access token, or a key.
///
/// When it answers this server accepts the subject no more, and that is durable.
#[utoipa::path(
    post, path = "/v1/revocations", tag = "administration", request_body = RevocationRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "Revoked", body = RevocationResponse),
        BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    StrictJson(form): StrictJson<RevocationRequest>,
) -> Result<Json<RevocationResponse>, AppError> {
    let wanted = form.validate(administrator.actor, from)?;
    let began = administrator.now;
    // Also where it is a key, and another is drawn.
    let (app, revoked) = run_on_blocking_thread(async move {
        let note = wanted.note.as_deref();
        let revoked = app.administration.revoke(&wanted.subject, note, &wanted.context, began).await;
        (app, revoked)
    })
    .await;
    Ok(Json(RevocationResponse::new(revoked?, began, app.now())))
}
