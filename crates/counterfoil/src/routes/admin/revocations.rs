//! `POST /v1/revocations`: revokes sessions, tokens, users, clients or keys.

use axum::Json;
use axum::extract::State;

use counterfoil_core::model::session::ClientInfo;

use crate::admin::RevocationRequest;
use crate::admin::responses::RevocationResponse;
use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};
use crate::runtime::task::run_on_blocking_thread;

/// Revokes a session, all sessions of a user, of a client or of everyone, one access token, or a key.
///
/// On 200 the revocation is durable, and this server rejects the subject. `wait: "fleet"` is rejected with
/// 422: no verifier follows the revocation log yet, so there is nothing to wait for.
#[utoipa::path(
    post, path = "/v1/revocations", operation_id = "admin_revoke",
    tag = "administration", request_body = RevocationRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "Revoked", body = RevocationResponse),
        BadRequest, Unauthorized, Forbidden, NotFound, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<RevocationRequest>,
) -> Result<Json<RevocationResponse>, AppError> {
    let revocation = request.validate(administrator.actor, client)?;
    let started_at = administrator.now;
    // On another thread: revoking a key generates a new one.
    let (app, result) = run_on_blocking_thread(async move {
        let note = revocation.note.as_deref();
        let result =
            app.administration.revoke(&revocation.subject, note, &revocation.context, started_at).await;
        (app, result)
    })
    .await;
    Ok(Json(RevocationResponse::new(result?, started_at, app.now())))
}
