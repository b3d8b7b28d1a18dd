//! `/v1/admin/admin-keys`: adds, lists and removes admin keys, with which programs use this API.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Deserialize;
use utoipa::ToSchema;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::http::path::path_id;
use crate::operations::admin::admin_keys;
use crate::operations::admin::responses::CreatedAdminKeyResponse;
use crate::operations::admin::views::admin_key::AdminKeyList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, RecentLoginRequired, RequestTimeout, TooLarge,
    TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// An admin key to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewAdminKey {
    /// What it is for: 1 to 64 characters.
    name: String,
}

/// Lists admin keys, oldest first.
#[utoipa::path(
    get, path = "/v1/admin/admin-keys", operation_id = "admin_list_admin_keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Admin keys, without their secrets", body = AdminKeyList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<AdminKeyList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    Ok(Json(admin_keys::list(&app, query.page(PageSize::ADMIN)?).await?))
}

/// Adds an admin key. Only this response contains its secret.
#[utoipa::path(
    post, path = "/v1/admin/admin-keys", operation_id = "admin_add_admin_key",
    tag = "administration", request_body = NewAdminKey,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = CreatedAdminKeyResponse),
        BadRequest, RecentLoginRequired, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<NewAdminKey>,
) -> Result<(StatusCode, Json<CreatedAdminKeyResponse>), AppError> {
    // The key outlives the session.
    administrator.require_recent_login(&app).await?;
    let context = administrator.context(client);
    let created = admin_keys::add(&app, &request.name, &context, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Removes an admin key. It is invalid at once.
#[utoipa::path(
    delete, path = "/v1/admin/admin-keys/{id}", operation_id = "admin_remove_admin_key",
    tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of an admin key")),
    responses(
        (status = 204, description = "Removed"),
        BadRequest, Unauthorized, Forbidden, NotFound, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn remove(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    let context = administrator.context(client);
    admin_keys::remove(&app, path_id(&uri, 3)?, &context, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
