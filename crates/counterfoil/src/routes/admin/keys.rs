//! `/v1/admin/keys`: the keys that sign access tokens.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::kept::session::Cause;
use counterfoil_core::policy::revoke::Reason;
use counterfoil_verify::KeyId;

use super::administrator::Administrator;
use super::id_in;
use crate::admin::views::KeyRow;
use crate::app::App;
use crate::circumstances::Whence;
use crate::failure::AppError;
use crate::routes::query::Parameters;
use crate::routes::responses::{BadRequest, Forbidden, InvalidFields, NotFound, Unauthorized, Unavailable};
use crate::task::to_the_end;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct KeyList {
    keys: Vec<KeyRow>,
    /// Always null: all of them are on one page.
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct Rotated {
    /// The `kid` of the key that signs from now on.
    id: String,
}

/// Lists the signing keys that there are or were, the oldest first.
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
    Ok(Json(KeyList { keys: app.keys.signing_keys().await?.iter().map(KeyRow::of).collect(), next: None }))
}

/// Makes a new key that signs from now on. What the one before it signed is still good.
#[utoipa::path(
    post, path = "/v1/admin/keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Rotated", body = Rotated),
        BadRequest, Unauthorized, Forbidden, Unavailable,
    )
)]
pub(in crate::routes) async fn rotate(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
) -> Result<(StatusCode, Json<Rotated>), AppError> {
    let (reason, now) = (administrator.reason(from), administrator.now);
    let id = to_the_end(async move { app.keys.rotate(&reason, now).await }).await?;
    Ok((StatusCode::CREATED, Json(Rotated { id: id.to_string() })))
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
    let reason = Reason { cause: Cause::KeyCompromised, ..reason };
    to_the_end(async move { app.keys.revoke(&id, &reason, administrator.now).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
