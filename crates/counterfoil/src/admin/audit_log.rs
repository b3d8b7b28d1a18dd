//! Queries of the audit log: by user, and by session with the events that ended many sessions at once.

use serde_json::json;

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, StoreError};
use counterfoil_verify::UserId;

use crate::admin::AdminError;
use crate::admin::answer::Answer;
use crate::admin::pagination::{PageRequest, rows};
use crate::admin::responses::AuditEventResponse;
use crate::admin::sessions::parse_session_id;
use crate::app::App;

/// An audit event and its number.
type NumberedEvent = (AuditEventNumber, AuditEvent);

impl App {
    /// The events that match `query`, the newest first.
    ///
    /// A revocation cutoff ends sessions without naming them. The events of a session therefore include the
    /// cutoffs of its client and of all sessions that were set while it was active: they answer why a user
    /// was logged out.
    pub(crate) async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Vec<NumberedEvent>, StoreError> {
        let mut events = self.store.audit_events(query).await?;
        if query.session.is_none() || events.is_empty() {
            return Ok(events);
        }
        let cutoffs = AuditEventQuery { cutoffs_only: true, user: None, session: None, ..query.clone() };
        let cutoffs = self.store.audit_events(&cutoffs).await?;
        events.extend(cutoffs.into_iter().filter(|cutoff| applies_to(cutoff, &events)).collect::<Vec<_>>());
        events.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        events.truncate(query.limit as usize);
        Ok(events)
    }

    /// `next` leads to older events in both orders.
    pub(super) async fn list_audit_events(
        &self,
        user: Option<String>,
        session: Option<String>,
        page: PageRequest,
    ) -> Answer {
        let user = match user {
            Some(text) => Some(self.user_in_audit_log(&text).await?),
            None => None,
        };
        let session = session.as_deref().map(parse_session_id).transpose()?;
        let before = page.after.as_deref().map(str::parse).transpose();
        let before =
            before.map_err(|_| AdminError::new("`after` must be the `next` of the previous page"))?;
        let limit = page.read_limit();
        let query = AuditEventQuery { user, session, before, limit, ..AuditEventQuery::default() };
        let mut events = self.audit_events(&query).await?;
        let next = page.cut(&mut events, |(number, _)| number.to_string());
        if session.is_some() {
            events.reverse();
        }
        Ok(json!({ "events": rows(&events, |event| AuditEventResponse::from(event)), "next": next }))
    }

    /// A deleted user has no username, but the audit log still contains their id.
    async fn user_in_audit_log(&self, text: &str) -> Result<UserId, AdminError> {
        match text.parse() {
            Ok(id) if self.store.user(id).await?.is_none() => Ok(id),
            Ok(_) | Err(_) => Ok(self.find_user(text).await?.id),
        }
    }
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
