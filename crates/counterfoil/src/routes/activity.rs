//! `GET /v1/activity`: the current user's own audit events.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::operations::activity::{self, ActivityList};
use crate::operations::pagination::PageSize;
use crate::routes::problem_responses::{BadRequest, InvalidFields, Unauthorized, Unavailable};
use crate::routes::query_parameters::QueryParameters;

/// Lists what has happened to the current user's account, newest first: logins, failures, and why each session ended.
///
/// The events of a session include the revocations of all sessions, or of all sessions of its client, during its life.
#[utoipa::path(
    get, path = "/v1/activity", operation_id = "list_activity",
    tag = "protected", security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("session" = Option<String>, Query, description = "The id of a session of the current user"),
        ("limit" = Option<u32>, Query, description = "1 to 100 rows; by default 50"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "The user's audit events", body = ActivityList),
        BadRequest, Unauthorized, InvalidFields, Unavailable,
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    current_user: CurrentUser,
    query: QueryParameters,
) -> Result<Json<ActivityList>, AppError> {
    query.allow_only(&["session", "limit", "after"])?;
    let session = query.parse("session", "a session id")?;
    let page = query.page(PageSize::USER)?;
    Ok(Json(activity::list(&app, current_user.user, session, page).await?))
}
