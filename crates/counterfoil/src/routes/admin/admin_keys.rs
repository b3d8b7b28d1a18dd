//! `/v1/admin/admin-keys`: the keys that programs administer with.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::responses::AdminKeyResponse;
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

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct AdminKeyList {
    admin_keys: Vec<AdminKeyResponse>,
    /// Always null: all of them are on one page.
    next: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewAdminKey {
    /// Who will have it: 1 to 64 characters.
    name: String,
}

/// A new admin key, with its secret.
#[derive(Serialize, ToSchema)]
pub(in crate::routes) struct MadeAdminKey {
    id: String,
    name: String,
    /// `cfa_…`, shown as `Authorization: Bearer`. It is told this once.
    key: String,
}

/// Lists admin keys, the oldest first.
#[utoipa::path(
    get, path = "/v1/admin/admin-keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "Admin keys, without their secrets", body = AdminKeyList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    parameters: Parameters,
) -> Result<Json<AdminKeyList>, AppError> {
    parameters.only(&[])?;
    let admin_keys = app.store.admin_keys().await?.iter().map(AdminKeyResponse::from).collect();
    Ok(Json(AdminKeyList { admin_keys, next: None }))
}

/// Makes an admin key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/admin/admin-keys", tag = "administration", request_body = NewAdminKey,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Made", body = MadeAdminKey),
        BadRequest, Unauthorized, Forbidden, TooLarge, TooSlow, UnsupportedType, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    StrictJson(form): StrictJson<NewAdminKey>,
) -> Result<(StatusCode, Json<MadeAdminKey>), AppError> {
    let reason = administrator.reason(from);
    let (key, record) = app.administration.create_admin_key(&form.name, &reason, administrator.now).await?;
    let made = MadeAdminKey { id: record.id.to_string(), name: record.name, key: key.to_string() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Removes an admin key: it opens nothing from now on.
#[utoipa::path(
    delete, path = "/v1/admin/admin-keys/{id}", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of an admin key")),
    responses(
        (status = 204, description = "It is gone"),
        BadRequest, Unauthorized, Forbidden, NotFound, Unavailable,
    )
)]
pub(in crate::routes) async fn remove(
    State(app): State<App>,
    administrator: Administrator,
    Whence(from): Whence,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    let reason = administrator.reason(from);
    app.administration.remove_admin_key(id_in(&uri)?, &reason, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
