//! `/v1/admin/keys`: lists, rotates and revokes signing keys and refresh token keys.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_verify::KeyId;

use crate::admin::KeyRotationRequest;
use crate::admin::responses::{KeyLists, KeyResponse, RotationResponse};
use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::routes::admin::administrator::Administrator;
use crate::routes::path_id::path_id;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, RequestTimeout, TooLarge, TooManyRequests, Unauthorized,
    Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;
use crate::runtime::task::{run_detached, run_on_blocking_thread};

/// The keys, by purpose.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct KeyList {
    keys: Vec<KeyResponse>,
    /// The MAC keys of refresh tokens, without the keys themselves.
    refresh_token_keys: Vec<KeyResponse>,
    /// Always null: all of them are on one page.
    next: Option<String>,
}

/// Lists all keys, oldest first, also those that were removed.
#[utoipa::path(
    get, path = "/v1/admin/keys", operation_id = "admin_list_keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "The keys, without secrets", body = KeyList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<KeyList>, AppError> {
    query.allow_only(&[])?;
    let KeyLists { signing, refresh_token } = app.key_lists().await?;
    Ok(Json(KeyList { keys: signing, refresh_token_keys: refresh_token, next: None }))
}

/// Rotates a key.
///
/// The next key signs once all cached key sets have expired, or at once with `now`. Tokens of the previous
/// key stay valid. Repeating the request before that changes nothing.
#[utoipa::path(
    post, path = "/v1/admin/keys", operation_id = "admin_rotate_key",
    tag = "administration", request_body = Option<KeyRotationRequest>,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Rotated, or activated at `activated_at`", body = RotationResponse),
        BadRequest, Unauthorized, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn rotate(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    body: Option<JsonBody<KeyRotationRequest>>,
) -> Result<(StatusCode, Json<RotationResponse>), AppError> {
    let request = body.map(|JsonBody(request)| request).unwrap_or_default();
    let (context, now) = (administrator.context(client), app.now_to_issue()?);
    let rotated = run_detached(async move { app.rotate(request, context, now).await }).await?;
    Ok((StatusCode::CREATED, Json(rotated)))
}

/// Revokes a key: all its tokens are invalid at once. If it is the current key, the next key signs from now
/// on.
#[utoipa::path(
    delete, path = "/v1/admin/keys/{id}", operation_id = "admin_revoke_key", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The `kid` of a key")),
    responses(
        (status = 204, description = "Revoked; also if it was revoked before"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    let (id, context): (KeyId, _) = (path_id(&uri, 3)?, administrator.context(client));
    let context = RevocationContext { reason: EndReason::KeyCompromised, ..context };
    let now = administrator.now;
    // On another thread, because a new key is generated.
    run_on_blocking_thread(async move { app.keys.revoke(&id, &context, now).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
