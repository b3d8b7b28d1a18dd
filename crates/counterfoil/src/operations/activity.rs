//! A user's own audit events.

use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery};
use counterfoil_verify::{SessionId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::operations::audit_log::{NumberedEvent, read_page};
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListItem, ListResponse, Pagination};

/// An audit event, as its user sees it. What identifies an administrator is left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ActivityEvent)]
pub(crate) struct ActivityEventView {
    /// Increases with each event.
    pub(crate) number: u64,
    /// Unix seconds.
    pub(crate) at: u64,
    /// The kind of the event.
    pub(crate) kind: String,
    /// The kind as a sentence.
    pub(crate) text: String,
    /// The session, or null.
    pub(crate) session: Option<String>,
    /// The client application, or null.
    pub(crate) client_id: Option<String>,
    /// Who caused it: `user` (yourself), `administrator`, `system` or `anonymous`.
    pub(crate) actor: String,
    /// The end reason, if a session ended.
    pub(crate) reason: Option<String>,
    /// The client IP, or null. That of an administrator is not shown.
    pub(crate) ip: Option<String>,
    /// The user agent, or null. That of an administrator is not shown.
    pub(crate) user_agent: Option<String>,
    /// More about it, or null. What an administrator has noted is not shown.
    pub(crate) detail: Option<String>,
}

impl ActivityEventView {
    /// The event as `user` sees it.
    pub(crate) fn new(number: AuditEventNumber, event: &AuditEvent, user: UserId) -> Self {
        let actor = match &event.actor {
            Actor::User(actor) if *actor == user => "user",
            Actor::User(_) | Actor::AdminKey(_) | Actor::Operator => "administrator",
            Actor::System => "system",
            Actor::Anonymous => "anonymous",
        };
        let shown = Some(event).filter(|_| actor != "administrator");
        Self {
            number,
            at: event.at.unix_seconds(),
            kind: event.kind.as_str().to_owned(),
            text: event.kind.description().to_owned(),
            session: event.session.map(|id| id.to_string()),
            client_id: event.client.as_ref().map(|id| id.to_string()),
            actor: actor.to_owned(),
            reason: event.reason.map(|reason| reason.as_str().to_owned()),
            ip: shown.and_then(|event| event.client_info.ip).map(|ip| ip.to_string()),
            user_agent: shown.and_then(|event| event.client_info.user_agent.clone()),
            detail: shown.and_then(|event| event.detail.as_ref()).map(|text| text.to_string()),
        }
    }
}

/// A page of a user's own audit events.
pub(crate) type ActivityList = ListResponse<ActivityEventView>;

impl ListItem for ActivityEventView {
    const MEMBER: &'static str = "events";
    const SCHEMA: &'static str = "ActivityList";
}

/// Lists the events of a user, the newest first, all or those of one of their sessions. Those of a session include the
/// revocations of all sessions that ended it.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    user: UserId,
    session: Option<SessionId>,
    page: Pagination<AuditEventNumber>,
) -> Result<ActivityList, OperationError> {
    let (events, next) = events(app, user, session, &page).await?;
    let items = events.iter().map(|(number, event)| ActivityEventView::new(*number, event, user)).collect();
    Ok(ListResponse { items, next })
}

/// As [`list`], as records: what identifies an administrator is still in them.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn events(
    app: &App,
    user: UserId,
    session: Option<SessionId>,
    page: &Pagination<AuditEventNumber>,
) -> Result<(Vec<NumberedEvent>, Option<String>), OperationError> {
    let query =
        AuditEventQuery { user: Some(user), session, reader: Some(user), ..AuditEventQuery::default() };
    read_page(app, &query, page).await
}

/// The reuse of a refresh token that the user has not been told of: the latest event before the login that has just
/// succeeded.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn untold_reuse(app: &App, user: UserId) -> Result<Option<AuditEvent>, OperationError> {
    let kinds = vec![AuditEventKind::LoginSucceeded, AuditEventKind::RefreshReuseDetected];
    let query = AuditEventQuery { user: Some(user), kinds, reader: Some(user), ..AuditEventQuery::default() };
    let (events, _) = read_page(app, &query, &Pagination::new(None, 2)?).await?;
    let before = events.into_iter().map(|(_, event)| event).nth(1);
    Ok(before.filter(|event| event.kind == AuditEventKind::RefreshReuseDetected))
}
