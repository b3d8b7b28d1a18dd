//! `/v1/revocations`: lists the revocation log; revokes sessions, tokens, users, clients or keys.

use axum::Json;
use axum::extract::State;

use counterfoil_core::model::session::ClientInfo;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::json_body::JsonBody;
use crate::operations::admin::requests::RevocationRequest;
use crate::operations::admin::responses::{RevocationListResponse, RevocationResponse};
use crate::operations::admin::{revocation_log, revocations};
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, NotFound, RecentLoginRequired, RequestTimeout, TooLarge,
    TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType,
};
use crate::routes::query_parameters::QueryParameters;

/// Lists the revocation log, the newest entries first, and the revocations that wait for the fleet.
#[utoipa::path(
    get, path = "/v1/revocations", operation_id = "admin_list_revocations", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Entries of the log", body = RevocationListResponse),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<RevocationListResponse>, AppError> {
    query.allow_only(&["limit", "after"])?;
    Ok(Json(revocation_log::list(&app, query.page(PageSize::ADMIN)?).await?))
}

/// Revokes a session, all sessions of a user, of a client or of everyone, one access token, or a key.
///
/// On 200 the revocation is durable, and this server rejects the subject. With `wait: "fleet"` no verifier that follows
/// the feed accepts it either: each has confirmed it, or is cut off and its lease has run out.
#[utoipa::path(
    post, path = "/v1/revocations", operation_id = "admin_revoke",
    tag = "administration", request_body = RevocationRequest,
    security(("bearer" = []), ("session" = []), ("access" = [])),
    responses(
        (status = 200, description = "Revoked", body = RevocationResponse),
        BadRequest, RecentLoginRequired, Forbidden, NotFound, TooLarge, RequestTimeout, UnsupportedMediaType, InvalidFields,
        TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn revoke(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    JsonBody(request): JsonBody<RevocationRequest>,
) -> Result<Json<RevocationResponse>, AppError> {
    let revocation = request.validate(administrator.actor.clone(), client)?;
    if revocation.ends_many() {
        administrator.require_recent_login(&app).await?;
    }
    Ok(Json(revocations::revoke(&app, revocation, administrator.now).await?))
}
