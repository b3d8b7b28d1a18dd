//! `/v1/admin/events`: the audit log.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::views::EventList;
use crate::operations::pagination::PageSize;
use crate::routes::admin::administrator::Administrator;
use crate::routes::problem_responses::{BadRequest, Forbidden, InvalidFields, Unauthorized, Unavailable};
use crate::routes::query_parameters::QueryParameters;

/// Lists audit events, newest first.
///
/// The events of a session include the revocations of all sessions, or of all sessions of its client, during
/// its life.
#[utoipa::path(
    get, path = "/v1/admin/events", operation_id = "admin_list_audit_events", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("user" = Option<String>, Query, description = "The id of the user of the events"),
        ("session" = Option<String>, Query, description = "The id of the session of the events"),
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; by default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "Audit events", body = EventList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    query: QueryParameters,
) -> Result<Json<EventList>, AppError> {
    query.allow_only(&["user", "session", "limit", "after"])?;
    let filter = AuditEventFilter {
        user: query.parse("user", "a user id")?,
        session: query.parse("session", "a session id")?,
    };
    Ok(Json(audit_log::list(&app, filter, query.page(PageSize::ADMIN)?).await?))
}
