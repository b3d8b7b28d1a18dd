//! The audit log, as an administrator lists and follows it.

use std::net::IpAddr;

use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, Store, StoreError};
use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
use crate::operations::admin::event_names::EventNames;
use crate::operations::admin::responses::FollowedEventsResponse;
use crate::operations::admin::views::{AuditEventView, actor_id};
use crate::operations::audit_log::{NumberedEvent, read_page};
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// Which events are listed. Every condition that is present must be met.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditEventFilter {
    /// Only those of this user.
    pub(crate) user: Option<UserId>,
    /// Only those of this session.
    pub(crate) session: Option<SessionId>,
    /// Only those of these kinds. Empty: of all kinds.
    pub(crate) kinds: Vec<AuditEventKind>,
    /// Only those at this time or later.
    pub(crate) from: Option<Time>,
    /// Only those before this time.
    pub(crate) until: Option<Time>,
    /// Only those that this actor caused.
    pub(crate) actor: Option<Actor>,
    /// Only those of requests from this IP address.
    pub(crate) ip: Option<IpAddr>,
}

impl AuditEventFilter {
    /// The query of an administrator.
    pub(crate) fn to_query(&self) -> AuditEventQuery {
        let Self { user, session, kinds, from, until, actor, ip } = self.clone();
        AuditEventQuery { user, session, kinds, from, until, actor, ip, ..AuditEventQuery::default() }
    }
}

/// The actor with this text, as events have it: `user:<id>`, `admin_key:<id>`, `operator`, `system` or `anonymous`.
pub(crate) fn parse_actor(text: &str) -> Option<Actor> {
    match text.split_once(':') {
        Some(("user", id)) => id.parse().ok().map(Actor::User),
        Some(("admin_key", id)) => id.parse().ok().map(Actor::AdminKey),
        Some(_) => None,
        None => [Actor::Operator, Actor::System, Actor::Anonymous]
            .into_iter()
            .find(|actor| actor_id(actor) == text),
    }
}

/// The kind with this name, also as lists show it to people: `login failed` for `login_failed`.
pub(crate) fn parse_kind(text: &str) -> Option<AuditEventKind> {
    AuditEventKind::from_name(&text.trim().to_ascii_lowercase().replace([' ', '-'], "_"))
}

/// Lists the events of `filter`, the newest first; `next` leads to older ones. At most 50,000 events are read: a page may have
/// fewer events than requested although more follow.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    filter: &AuditEventFilter,
    page: Pagination<AuditEventNumber>,
) -> Result<ListResponse<AuditEventView>, OperationError> {
    let (events, next) = read_page(app, &filter.to_query(), &page).await?;
    Ok(ListResponse { items: with_names(app, &events).await?, next })
}

/// The events of `filter` after the number `after`, the oldest first, at most `limit`, and the number up to which the log was
/// read. Without `after` it returns the number of the newest event, from which on the log can be followed.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn follow(
    app: &App,
    filter: &AuditEventFilter,
    after: Option<AuditEventNumber>,
    limit: u32,
) -> Result<FollowedEventsResponse, OperationError> {
    let newest = newest_number(app).await?;
    // Events above the newest one are those of another log, of which this store is an earlier backup.
    let Some(after) = after.filter(|after| *after <= newest) else {
        return Ok(FollowedEventsResponse { events: Vec::new(), position: newest });
    };
    let query = AuditEventQuery { after: Some(after), limit, ..filter.to_query() };
    let scan = app.parts.store.audit_events(&query).await?;
    let events = with_names(app, &scan.rows).await?;
    // An event that was recorded since the first read is read again next time.
    let position =
        scan.next.unwrap_or_else(|| scan.rows.last().map_or(newest, |(number, _)| newest.max(*number)));
    Ok(FollowedEventsResponse { events, position })
}

/// Whether the log has events of the user with this id, who may have been deleted.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn has_events(store: &dyn Store, user: UserId) -> Result<bool, StoreError> {
    let query = AuditEventQuery { user: Some(user), limit: 1, ..AuditEventQuery::default() };
    Ok(!store.audit_events(&query).await?.rows.is_empty())
}

/// The number of the newest event; 0 without events.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn newest_number(app: &App) -> Result<AuditEventNumber, OperationError> {
    let newest = AuditEventQuery { limit: 1, ..AuditEventQuery::default() };
    let newest = app.parts.store.audit_events(&newest).await?.rows.pop();
    Ok(newest.map_or(0, |(number, _)| number))
}

async fn with_names(app: &App, events: &[NumberedEvent]) -> Result<Vec<AuditEventView>, OperationError> {
    let names = EventNames::read(app, events).await?;
    Ok(events.iter().map(|event| AuditEventView::new(event, &names)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_parsed_as_it_is_written_and_as_it_is_shown() {
        for text in ["login_failed", "login failed", " Login-failed "] {
            assert_eq!(parse_kind(text), Some(AuditEventKind::LoginFailed), "{text}");
        }
        for unknown in ["", "login", "loginfailed"] {
            assert_eq!(parse_kind(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_actor_is_parsed_from_its_text() {
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        for text in ["operator", "system", "anonymous", &format!("user:{id}"), &format!("admin_key:{id}")] {
            assert_eq!(parse_actor(text).map(|actor| actor_id(&actor)).as_deref(), Some(text));
        }
        for unknown in ["", "root", "user:", "user:x", "session:AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(parse_actor(unknown), None, "{unknown}");
        }
    }
}
