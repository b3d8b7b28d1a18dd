//! `/v1/admin/keys`: lists, rotates and revokes signing keys and refresh token keys.

use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::http::path::path_id;
use crate::operations::admin::keys;
use crate::operations::admin::requests::KeyRotationRequest;
use crate::operations::admin::responses::{KeyListResponse, RotationResponse};
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, RecentLoginRequired, RequestTimeout, TooLarge,
    TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;
use crate::runtime::task::run_detached;

/// Lists all keys, oldest first, also those that were removed.
#[utoipa::path(
    get, path = "/v1/admin/keys", operation_id = "admin_list_keys", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "The keys, without secrets", body = KeyListResponse),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<KeyListResponse>, AppError> {
    query.allow_only(&["limit", "after"])?;
    Ok(Json(keys::list(&app, query.page(PageSize::ADMIN)?).await?))
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
        BadRequest, RecentLoginRequired, Forbidden, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
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
    if request.now {
        administrator.require_recent_login(&app).await?;
    }
    let (context, now) = (administrator.context(client), app.now_to_issue()?);
    let rotated = run_detached(async move { keys::rotate(&app, request, context, now).await }).await?;
    Ok((StatusCode::CREATED, Json(rotated)))
}

/// Revokes a key: all its tokens are invalid at once.
///
/// If it is the current key, the next key signs from now on.
#[utoipa::path(
    delete, path = "/v1/admin/keys/{id}", operation_id = "admin_revoke_key", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(("id" = String, Path, description = "The `kid` of a key")),
    responses(
        (status = 204, description = "Revoked; also if it was revoked before"),
        BadRequest, RecentLoginRequired, Forbidden, NotFound, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    uri: Uri,
) -> Result<StatusCode, AppError> {
    administrator.require_recent_login(&app).await?;
    keys::revoke(&app, path_id(&uri, 3)?, administrator.context(client), administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
