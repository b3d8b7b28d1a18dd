//! Queries of the audit log: by user, and by session with the events that ended many sessions at once.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, Page};
use counterfoil_verify::{SessionId, UserId};

use crate::app::App;
use crate::operations::admin::views::AuditEventView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};

/// An audit event and its number.
type NumberedEvent = (AuditEventNumber, AuditEvent);

/// Which events are listed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AuditEventFilter {
    /// Only those of this user.
    pub(crate) user: Option<UserId>,
    /// Only those of this session.
    pub(crate) session: Option<SessionId>,
}

/// Lists the events of `filter`, the newest first; `next` leads to older ones.
///
/// A revocation cutoff ends sessions without naming them. The events of a session therefore include the cutoffs of
/// its client and of all sessions that were set while it was active: they answer why a user was logged out.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn list(
    app: &App,
    filter: AuditEventFilter,
    page: Pagination<AuditEventNumber>,
) -> Result<ListResponse<AuditEventView>, OperationError> {
    let AuditEventFilter { user, session } = filter;
    let Page { after: before, limit } = page.to_page();
    let query = AuditEventQuery { user, session, before, limit, ..AuditEventQuery::default() };
    let mut events = app.parts.store.audit_events(&query).await?;
    if session.is_some() && !events.is_empty() {
        add_cutoffs(app, &query, &mut events).await?;
    }
    let next = page.finish(&mut events, |(number, _)| *number);
    Ok(ListResponse::new(&events, next))
}

/// Adds the cutoffs that apply to the session of `events`.
async fn add_cutoffs(
    app: &App,
    query: &AuditEventQuery,
    events: &mut Vec<NumberedEvent>,
) -> Result<(), OperationError> {
    // Later cutoffs do not apply, and must not fill the page.
    let ended = events.iter().rev().find(|(_, event)| ends_session(event)).map(|(number, _)| *number);
    let before = query.before.into_iter().chain(ended).min();
    let cutoffs = AuditEventQuery { cutoffs_only: true, user: None, session: None, before, ..query.clone() };
    let cutoffs = app.parts.store.audit_events(&cutoffs).await?;
    events.extend(cutoffs.into_iter().filter(|cutoff| applies_to(cutoff, events)).collect::<Vec<_>>());
    events.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    events.truncate(query.limit as usize);
    Ok(())
}

/// Whether `cutoff` was set while the session of `events`, the newest first, was active.
fn applies_to((number, cutoff): &NumberedEvent, events: &[NumberedEvent]) -> bool {
    let first = events.last().map_or(0, |(number, _)| *number);
    let ended = events.iter().rev().find(|(_, event)| ends_session(event)).map(|(number, _)| *number);
    let is_for_its_client =
        cutoff.client.is_none() || events.iter().any(|(_, event)| event.client == cutoff.client);
    is_for_its_client && *number > first && ended.is_none_or(|ended| *number < ended)
}

fn ends_session(event: &AuditEvent) -> bool {
    matches!(event.kind, AuditEventKind::SessionEnded | AuditEventKind::RefreshReuseDetected)
}
