//! `/v1/admin/events`: the journal.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_core::store::AuditEventQuery;

use crate::admin::responses::AuditEventResponse;
use crate::app::App;
use crate::http::error::AppError;
use crate::routes::admin::administrator::Administrator;
use crate::routes::admin::{cut, limit_of, no_cursor};
use crate::routes::query::Parameters;
use crate::routes::responses::{BadRequest, Forbidden, InvalidFields, Unauthorized, Unavailable};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct EventList {
    events: Vec<AuditEventResponse>,
    /// What to send as `after` for older lines, or null at the end.
    next: Option<String>,
}

/// Shows the journal, the newest line first. Among the lines of a session stand those that ended all logins, or
/// all of its client, while it lived.
#[utoipa::path(
    get, path = "/v1/admin/events", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("user" = Option<String>, Query, description = "Only of the user with this id"),
        ("session" = Option<String>, Query, description = "Only of the login with this id"),
        ("limit" = Option<u32>, Query, description = "1 to 1000 rows; 100 unless said otherwise"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "Lines of the journal", body = EventList),
        BadRequest, Unauthorized, Forbidden, InvalidFields, Unavailable,
    )
)]
pub(in crate::routes) async fn list(
    State(app): State<App>,
    _: Administrator,
    parameters: Parameters,
) -> Result<Json<EventList>, AppError> {
    parameters.only(&["user", "session", "limit", "after"])?;
    let no_id = |field| move |_| AppError::field(field, "is to be an id");
    let limit = limit_of(&parameters)?;
    let query = AuditEventQuery {
        user: parameters.one("user")?.map(str::parse).transpose().map_err(no_id("user"))?,
        session: parameters.one("session")?.map(str::parse).transpose().map_err(no_id("session"))?,
        before: parameters.one("after")?.map(|text| text.parse().map_err(|_| no_cursor())).transpose()?,
        limit: limit + 1,
        ..AuditEventQuery::default()
    };
    let mut lines = app.audit_events(&query).await?;
    let next = cut(&mut lines, limit, |(number, _)| number.to_string());
    Ok(Json(EventList { events: lines.iter().map(AuditEventResponse::from).collect(), next }))
}
