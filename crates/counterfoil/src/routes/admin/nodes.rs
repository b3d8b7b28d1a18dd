//! `/v1/admin/nodes`: the servers that serve from the store.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::nodes;
use crate::operations::admin::views::node::NodeList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{BadRequest, Forbidden, InvalidFields, Unauthorized, Unavailable};
use crate::routes::query_parameters::QueryParameters;

/// Lists the servers that serve from the store, by id.
///
/// The list is empty with a SQLite store, which one process has open.
#[utoipa::path(
    get, path = "/v1/admin/nodes", operation_id = "admin_list_nodes", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Nodes", body = NodeList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<NodeList>, AppError> {
    query.allow_only(&["limit", "after"])?;
    Ok(Json(nodes::list(&app, query.page(PageSize::ADMIN)?).await?))
}
