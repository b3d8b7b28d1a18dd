//! `/v1/admin/verifier-keys`: adds, lists and removes verifier keys, with which services follow the feed.

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
use crate::operations::admin::responses::CreatedVerifierKeyResponse;
use crate::operations::admin::verifier_keys;
use crate::operations::admin::views::verifier_key::VerifierKeyList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, RecentLoginRequired, RequestTimeout, TooLarge,
    TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// A verifier key to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct NewVerifierKey {
    /// What it is for: 1 to 64 characters.
    name: String,
}

/// Lists verifier keys, oldest first.
#[utoipa::path(
    get, path = "/v1/admin/verifier-keys", operation_id = "admin_list_verifier_keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Verifier keys, without their secrets", body = VerifierKeyList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<VerifierKeyList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    Ok(Json(verifier_keys::list(&app, query.page(PageSize::ADMIN)?).await?))
}

/// Adds a verifier key. Only this response contains its secret.
#[utoipa::path(
    post, path = "/v1/admin/verifier-keys", operation_id = "admin_add_verifier_key",
    tag = "administration", request_body = NewVerifierKey,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 201, description = "Added", body = CreatedVerifierKeyResponse),
        BadRequest, RecentLoginRequired, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn add(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<NewVerifierKey>,
) -> Result<(StatusCode, Json<CreatedVerifierKeyResponse>), AppError> {
    // The key outlives the session.
    administrator.require_recent_login(&app).await?;
    let context = administrator.context(client);
    let created = verifier_keys::add(&app, &request.name, &context, administrator.now).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Removes a verifier key. It is invalid at once.
#[utoipa::path(
    delete, path = "/v1/admin/verifier-keys/{id}", operation_id = "admin_remove_verifier_key",
    tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The id of a verifier key")),
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
    verifier_keys::remove(&app, path_id(&uri, 3)?, &context, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
