//! `/v1/admin/keys`: the keys that sign access tokens, and the peppers of refresh tokens.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::EndReason;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_verify::KeyId;

use crate::admin::KeyRotationRequest;
use crate::admin::responses::{KeyLists, KeyResponse, RotationResponse};
use crate::app::App;
use crate::http::client_info::Whence;
use crate::http::error::AppError;
use crate::http::json_body::StrictJson;
use crate::routes::admin::administrator::Administrator;
use crate::routes::admin::id_in;
use crate::routes::query::Parameters;
use crate::routes::responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, TooLarge, TooManyRequests, TooSlow, Unauthorized,
    Unavailable, UnsupportedType,
};
use crate::runtime::task::{run_detached, run_on_blocking_thread};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct KeyList {
    keys: Vec<KeyResponse>,
    /// The keys of refresh tokens, of which nothing is public.
    refresh_token_keys: Vec<KeyResponse>,
    /// Always null: all of them are on one page.
    next: Option<String>,
}

/// Lists the keys that there are or were, the oldest first.
#[utoipa::path(
    get, path = "/v1/admin/keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "Signing keys, as far as they are public", body = KeyList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    parameters: Parameters,
) -> Result<Json<KeyList>, AppError> {
    parameters.only(&[])?;
    let KeyLists { signing, refresh_token } = app.key_lists().await?;
    Ok(Json(KeyList { keys: signing, refresh_token_keys: refresh_token, next: None }))
}

/// Rotates a key: the next one signs as soon as everybody who keeps the public keys must have seen it, or at once.
/// What the one before it signed is still good. To ask again before it has happened changes nothing.
#[utoipa::path(
    post, path = "/v1/admin/keys", tag = "administration", request_body = Option<KeyRotationRequest>,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Rotated, or to be rotated at the time that is told", body = RotationResponse),
        BadRequest, Unauthorized, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn rotate(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    form: Option<StrictJson<KeyRotationRequest>>,
) -> Result<(StatusCode, Json<RotationResponse>), AppError> {
    let form = form.map_or_else(KeyRotationRequest::default, |StrictJson(form)| form);
    let (reason, now) = (administrator.reason(from), app.now_to_issue()?);
    let rotated = run_detached(async move { app.rotate(form, reason, now).await }).await?;
    Ok((StatusCode::CREATED, Json(rotated)))
}

/// Revokes a key: nothing that it ever signed is good. Where it signs now, another does from here on.
#[utoipa::path(
    delete, path = "/v1/admin/keys/{id}", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The `kid` of a key")),
    responses(
        (status = 204, description = "Revoked, also where it was before"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    let (id, reason): (KeyId, _) = (id_in(&uri)?, administrator.reason(from));
    let reason = RevocationContext { reason: EndReason::KeyCompromised, ..reason };
    let now = administrator.now;
    // The next key takes its place, and another is drawn.
    run_on_blocking_thread(async move { app.keys.revoke(&id, &reason, now).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
