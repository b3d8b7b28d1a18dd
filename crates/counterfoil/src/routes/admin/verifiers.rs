//! `/v1/admin/verifiers`: the processes that follow the feed.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::verifiers;
use crate::operations::admin::views::verifier::VerifierList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{BadRequest, Forbidden, InvalidFields, Unauthorized, Unavailable};
use crate::routes::query_parameters::QueryParameters;

/// Lists the processes that follow the feed, with their lag and their lease, by key and instance.
///
/// One whose lease has run out is listed for ten minutes.
#[utoipa::path(
    get, path = "/v1/admin/verifiers", operation_id = "admin_list_verifiers", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Verifiers", body = VerifierList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<VerifierList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    Ok(Json(verifiers::list(&app, query.page(PageSize::ADMIN)?).await?))
}
