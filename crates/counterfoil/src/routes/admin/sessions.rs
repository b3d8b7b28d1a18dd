//! `GET /v1/admin/sessions`: the live sessions of all users.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;

use counterfoil_core::model::session::Mode;
use counterfoil_core::store::SessionQuery;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::sessions;
use crate::operations::admin::views::session::AdminSessionList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{BadRequest, Forbidden, InvalidFields, Unauthorized, Unavailable};
use crate::routes::query_parameters::QueryParameters;

/// Lists the live sessions of all users, newest first.
#[utoipa::path(
    get, path = "/v1/admin/sessions", operation_id = "admin_list_sessions", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("user" = Option<String>, Query, description = "The id of the user of the sessions"),
        ("ip" = Option<String>, Query, description = "The IP address from which they were last used"),
        ("mode" = Option<String>, Query, description = "Their mode: `session`, `jwt` or `hybrid`"),
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Live sessions with their users", body = AdminSessionList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    administrator: Administrator,
    query: QueryParameters,
) -> Result<Json<AdminSessionList>, AppError> {
    query.allow_only(&["user", "ip", "mode", "limit", "after"])?;
    let unknown_mode = || AppError::field("mode", "must be `session`, `jwt` or `hybrid`");
    let mode = query.get("mode")?.map(|name| Mode::from_name(name).ok_or_else(unknown_mode)).transpose()?;
    let ip: Option<IpAddr> = query.parse("ip", "an IP address")?;
    let filter = SessionQuery { user: query.parse("user", "a user id")?, ip, mode };
    let page = query.page(PageSize::ADMIN)?;
    Ok(Json(sessions::list_all(&app, filter, page, administrator.now).await?))
}
