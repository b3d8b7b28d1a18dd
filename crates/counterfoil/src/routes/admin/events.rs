//! `/v1/admin/events`: the audit log.

use axum::Json;
use axum::extract::State;

use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_jose::Time;

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
/// A page may have fewer events than requested although `next` leads to more: at most 50,000 events are read for it.
///
/// The events of a session include the revocations of all sessions, or of all sessions of its client, during
/// its life.
#[utoipa::path(
    get, path = "/v1/admin/events", operation_id = "admin_list_audit_events", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("user" = Option<String>, Query, description = "The id of the user of the events"),
        ("session" = Option<String>, Query, description = "The id of the session of the events"),
        ("kind" = Option<String>, Query, description = "The kind of the events: one, or several separated by commas"),
        ("from" = Option<u64>, Query, description = "The time of the earliest events, in Unix seconds"),
        ("to" = Option<u64>, Query, description = "The time before which the events are, in Unix seconds"),
        ("actor" = Option<String>, Query, description = "Who caused the events: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`"),
        ("ip" = Option<String>, Query, description = "The IP address from which the events were caused"),
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
    query.allow_only(&["user", "session", "kind", "from", "to", "actor", "ip", "limit", "after"])?;
    let filter = AuditEventFilter {
        user: query.parse("user", "a user id")?,
        session: query.parse("session", "a session id")?,
        kinds: parse_kinds(query.get("kind")?.unwrap_or_default())?,
        from: query.parse("from", "Unix seconds")?.map(Time::from_unix_seconds),
        until: query.parse("to", "Unix seconds")?.map(Time::from_unix_seconds),
        actor: query.get("actor")?.map(parse_actor).transpose()?,
        ip: query.parse("ip", "an IP address")?,
    };
    Ok(Json(audit_log::list(&app, &filter, query.page(PageSize::ADMIN)?).await?))
}

/// The kinds in a list that is separated by commas.
fn parse_kinds(list: &str) -> Result<Vec<AuditEventKind>, AppError> {
    let names = list.split(',').filter(|name| !name.is_empty());
    names.map(|name| audit_log::parse_kind(name).ok_or_else(|| unknown_kind(name))).collect()
}

fn unknown_kind(name: &str) -> AppError {
    let known: Vec<_> = AuditEventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    AppError::field("kind", format!("has the unknown kind {name:?}; known are: {}", known.join(", ")))
}

fn parse_actor(text: &str) -> Result<Actor, AppError> {
    let expected = "must be `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`";
    audit_log::parse_actor(text).ok_or_else(|| AppError::field("actor", expected))
}
