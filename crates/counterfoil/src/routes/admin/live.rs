//! `/v1/admin/live`: live updates as server-sent events.

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::store::AuditEventNumber;

use crate::app::App;
use crate::app::live::topic::{StateTopic, Topic};
use crate::http::current_user::CurrentUser;
use crate::http::error::AppError;
use crate::http::event_stream::{EVENT_STREAM_HEADERS, last_event_id};
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::live::{AuditNews, LiveForm, Subscription, open};
use crate::operations::admin::viewer::Viewer;
use crate::operations::admin::views::AuditEventView;
use crate::operations::admin::{keys, overview, revocation_log, verifiers};
use crate::operations::error::OperationError;
use crate::operations::pagination::Pagination;
use crate::operations::scope_limit::may_administer;
use crate::routes::admin::administrator::{Administrator, unknown_admin_key};
use crate::routes::problem_responses::{
    BadRequest, Forbidden, InvalidFields, TooManyRequests, Unauthorized, Unavailable,
};
use crate::routes::query_parameters::QueryParameters;

/// The most audit events that are read at a time.
const MAX_EVENTS: u32 = 1_000;

/// Up to so many audit events a quarter of a second, which are 20 a second, have an event of their own; more are joined.
const MAX_SINGLE: usize = 5;

/// How many entries of the revocation log are in an event.
const REVOCATIONS: u32 = 10;

/// An administrator who looks on.
pub(in crate::routes) struct LiveAdministrator(Viewer);

impl FromRequestParts<App> for LiveAdministrator {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let viewer = match Administrator::from_request_parts(parts, app).await?.actor {
            Actor::AdminKey(key) => {
                let record = app.parts.store.admin_key(key).await.map_err(AppError::from)?;
                // It may have been removed since it was checked.
                Viewer::admin_key(&record.ok_or_else(unknown_admin_key)?)
            }
            Actor::User(_) | Actor::Operator | Actor::System | Actor::Anonymous => {
                let user = CurrentUser::from_request_parts(parts, app).await?;
                // The role may have been taken between the two.
                if !may_administer(&user.principal) {
                    return Err(AppError::AdministratorRequired);
                }
                Viewer::user(user.user, user.principal)
            }
        };
        Ok(Self(viewer))
    }
}

/// Sends live updates as server-sent events: the state of each topic at once and after each change, at most four times a
/// second, and each new audit event.
///
/// An event has the name of its topic. `stats` is sent every two seconds. The `data` of `audit` is `{"events": […]}`, with more
/// than one event if there are more than 20 a second; its `id` is the number of the last one, after which a client that
/// connects again continues. The last event is `ended`, with the reason, when the credential is no longer accepted.
/// There are at most 8 streams for each user, with the admin keys that the user created, and for each admin key of an operator; 32 for
/// all keys of operators, and 64 in all.
#[utoipa::path(
    get, path = "/v1/admin/live", operation_id = "admin_live", tag = "administration",
    security(("bearer" = []), ("session" = []), ("access" = [])),
    params(
        ("topics" = Option<String>, Query, description = "Topics, separated by commas: `health`, `stats`, `verifiers`, `revocations`, `keys`, `audit`; by default all"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The `id` of the last event"),
    ),
    responses(
        (status = 200, description = "Events with the names of the topics", body = String, content_type = "text/event-stream"),
        BadRequest, Unauthorized, Forbidden, InvalidFields, TooManyRequests, Unavailable,
    )
)]
pub(in crate::routes) async fn stream(
    State(app): State<App>,
    LiveAdministrator(viewer): LiveAdministrator,
    query: QueryParameters,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    query.allow_only(&["topics"])?;
    let topics = Topic::parse_list(query.get("topics")?);
    let topics = topics.ok_or_else(|| AppError::field("topics", Topic::expected()))?;
    let subscription = Subscription { topics, last_event: last_event_id(&headers)? };
    let body = open(&app, viewer, subscription, Json)?;
    Ok((EVENT_STREAM_HEADERS, Body::new(body)).into_response())
}

/// Updates as the JSON objects of the other routes.
struct Json;

#[derive(Serialize)]
struct AuditEvents<'a> {
    events: &'a [AuditEventView],
}

#[async_trait]
impl LiveForm for Json {
    async fn state(&self, app: &App, topic: StateTopic) -> Result<Option<String>, OperationError> {
        Ok(Some(match topic {
            StateTopic::Health => to_json(&overview::recent_health(app).await),
            StateTopic::Stats => to_json(&overview::stats(app)),
            StateTopic::Verifiers => {
                to_json(&verifiers::list(app, Pagination::new(None, MAX_EVENTS)?).await?)
            }
            StateTopic::Revocations => {
                to_json(&revocation_log::list(app, Pagination::new(None, REVOCATIONS)?).await?)
            }
            StateTopic::Keys => to_json(&keys::list(app, Pagination::new(None, MAX_EVENTS)?).await?),
        }))
    }

    async fn audit(&self, app: &App, after: AuditEventNumber) -> Result<AuditNews, OperationError> {
        let all = AuditEventFilter::default();
        let followed = audit_log::follow(app, &all, Some(after), MAX_EVENTS).await?;
        let joined = if followed.events.len() > MAX_SINGLE { followed.events.len() } else { 1 };
        let data = followed
            .events
            .chunks(joined)
            .filter_map(|events| Some((events.last()?.number, to_json(&AuditEvents { events }))));
        Ok(AuditNews { data: data.collect(), position: followed.position })
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers always serialize")
}
