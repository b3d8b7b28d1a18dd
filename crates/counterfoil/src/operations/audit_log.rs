//! Reads of the audit log, page by page; the events of a session with those that ended many sessions at once.

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::store::{AuditEventNumber, AuditEventQuery, Page};
use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, SessionId};

use crate::app::App;
use crate::operations::error::OperationError;
use crate::operations::pagination::{Cursor as _, Pagination};

/// An audit event and its number.
pub(crate) type NumberedEvent = (AuditEventNumber, AuditEvent);

/// The events of `query` on this page, the newest first, and the cursor of the next page, which leads to older ones. A page may
/// have fewer events than requested although more follow.
///
/// A revocation cutoff ends sessions without naming them. The events of a session therefore include the cutoffs of its client
/// and of all sessions that were set while it was active: they answer why a user was logged out.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn read_page(
    app: &App,
    query: &AuditEventQuery,
    page: &Pagination<AuditEventNumber>,
) -> Result<(Vec<NumberedEvent>, Option<String>), OperationError> {
    let (mut events, mut stopped_at) = read_all(app, query, page).await?;
    if let Some(session) = query.session
        && let Some(life) = SessionLife::read(app, session, query).await?
    {
        // The cutoffs before its end fill the page, not those of the years after it.
        let before = query.before.into_iter().chain(life.ended.as_ref().map(|(number, _)| *number)).min();
        let cutoffs = AuditEventQuery {
            cutoffs_only: true,
            user: None,
            session: None,
            before,
            from: Some(query.from.unwrap_or(Time::EPOCH).max(life.started_at)),
            ..query.clone()
        };
        let (cutoffs, cutoffs_stopped_at) = read_all(app, &cutoffs, page).await?;
        // Below the higher of the two, one of them has not been read.
        stopped_at = stopped_at.max(cutoffs_stopped_at);
        events.extend(cutoffs.into_iter().filter(|cutoff| life.is_ended_by(cutoff)));
        events.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        events.retain(|(number, _)| stopped_at.is_none_or(|stopped_at| *number >= stopped_at));
    }
    let next = page.finish(&mut events, |(number, _)| *number);
    Ok((events, next.or_else(|| stopped_at.map(|number| number.to_text()))))
}

/// The rows of the page, and where the reads have stopped before it was full.
async fn read_all(
    app: &App,
    query: &AuditEventQuery,
    page: &Pagination<AuditEventNumber>,
) -> Result<(Vec<NumberedEvent>, Option<AuditEventNumber>), OperationError> {
    let rows = page.read(|Page { after, limit }| {
        let before = query.before.into_iter().chain(after).min();
        let query = AuditEventQuery { before, limit, ..query.clone() };
        async move { app.parts.store.audit_events(&query).await }
    });
    Ok(rows.await?)
}

/// From when to when a session was active, as the audit log has it.
struct SessionLife {
    /// The number and the time of its first event.
    started: AuditEventNumber,
    started_at: Time,
    client: Option<ClientId>,
    /// The event of its end.
    ended: Option<NumberedEvent>,
}

impl SessionLife {
    /// Reads the first event of a session and that of its end. `None` if it has no event, or is not one of the user of
    /// `query`.
    async fn read(
        app: &App,
        session: SessionId,
        query: &AuditEventQuery,
    ) -> Result<Option<Self>, OperationError> {
        let AuditEventQuery { user, reader, .. } = *query;
        let of_session =
            AuditEventQuery { session: Some(session), user, reader, limit: 1, ..AuditEventQuery::default() };
        let first = AuditEventQuery { after: Some(0), ..of_session.clone() };
        let Some((started, first)) = app.parts.store.audit_events(&first).await?.rows.pop() else {
            return Ok(None);
        };
        let kinds = vec![
            AuditEventKind::SessionEnded,
            AuditEventKind::SessionExpired,
            AuditEventKind::RefreshReuseDetected,
        ];
        let mut end = AuditEventQuery { kinds, after: Some(0), ..of_session };
        let ended = loop {
            let scan = app.parts.store.audit_events(&end).await?;
            match (scan.rows.into_iter().next(), scan.next) {
                (Some(ended), _) => break Some(ended),
                (None, Some(next)) => end.after = Some(next),
                (None, None) => break None,
            }
        };
        Ok(Some(Self { started, started_at: first.at, client: first.client, ended }))
    }

    /// Whether a cutoff was set while the session was active, and is about it.
    fn is_ended_by(&self, (number, cutoff): &NumberedEvent) -> bool {
        let is_for_its_client = cutoff.client.is_none() || cutoff.client == self.client;
        // An expiry is recorded some time after it.
        let is_before_its_end =
            self.ended.as_ref().is_none_or(|(ended, event)| number < ended && cutoff.at <= event.at);
        is_for_its_client && *number > self.started && is_before_its_end
    }
}
