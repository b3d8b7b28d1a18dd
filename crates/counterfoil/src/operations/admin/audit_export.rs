//! Sends audit events as JSON lines, page after page. The last line says whether they are complete.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::app::App;
use crate::limits::open_streams::TooManyStreams;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::viewer::{Interruption, Viewer, ViewerEnd, send_until_end};
use crate::operations::admin::views::AuditEventView;
use crate::operations::error::OperationError;
use crate::operations::pagination::{ListResponse, Pagination};
use crate::runtime::stream_body::{
    Ending, NotRead, SEND_TIMEOUT, SHUTDOWN_TIMEOUT, StreamBody, reserve_within,
};

/// How much an export sends, and how fast it must be read.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The most events. A larger log is exported in parts, by their times.
    events: usize,
    /// How many events are read at a time, and sent as one part. A connection takes up to two parts of a stream whose client does
    /// not read (HTTP/2), so they are small.
    page: u32,
    /// How long the client may take for the pages that it has not read.
    send_timeout: Duration,
}

const LIMITS: Limits = Limits { events: 1_000_000, page: 100, send_timeout: SEND_TIMEOUT };

/// The last line. No event has its member `complete`, and an export without this line is not complete either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct LastLine {
    /// Whether every event of the filter was sent.
    complete: bool,
    /// How many events were sent.
    events: usize,
    /// Why it is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// The `after` from which `GET /v1/admin/events` continues. Without one it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Why an export is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// More events follow than an export has.
    Limit,
    /// An event or the admin key could not be read; the log has the cause.
    ReadFailed,
    /// The client did not read in time.
    ClientTooSlow,
    /// The credential of the administrator is no longer accepted, or the admin key was removed.
    CredentialEnded,
    /// The server shuts down.
    ServerShutdown,
}

/// Starts an export, which counts as a stream of the viewer. The newest event is the first line.
///
/// # Errors
///
/// If the viewer or this process has as many streams as it may have.
pub(crate) fn open(
    app: &App,
    viewer: Viewer,
    filter: AuditEventFilter,
) -> Result<StreamBody, TooManyStreams> {
    open_with(LIMITS, app, viewer, filter)
}

fn open_with(
    limits: Limits,
    app: &App,
    viewer: Viewer,
    filter: AuditEventFilter,
) -> Result<StreamBody, TooManyStreams> {
    let Viewer { owner, credential } = viewer;
    let open = app.parts.live.open(owner)?;
    let app = app.clone();
    let sent = SentPages::default();
    let of_permission = sent.clone();
    let permission = credential.permission(&app, move |end, parts| {
        let reason = match end {
            ViewerEnd::Credential(_) | ViewerEnd::KeyRemoved => Reason::CredentialEnded,
            ViewerEnd::KeyUnknown => Reason::ReadFailed,
        };
        Some(of_permission.last_line(parts, Some(reason)))
    });
    Ok(StreamBody::from_task(permission, open, move |parts| async move {
        let sending = send_all(limits, &app, &filter, (&parts, &sent));
        let (reason, patience) = match send_until_end(&app, &credential, sending).await {
            Ok(Err(Reason::ClientTooSlow)) => (Some(Reason::ClientTooSlow), Duration::ZERO),
            Ok(sent) => (sent.err(), limits.send_timeout),
            Err(Interruption::Shutdown) => (Some(Reason::ServerShutdown), SHUTDOWN_TIMEOUT),
            Err(Interruption::CredentialEnd(_)) => (Some(Reason::CredentialEnded), Duration::ZERO),
        };
        Ending::new(patience, move |dropped| {
            let reason = reason.or((dropped > 0).then_some(Reason::ClientTooSlow));
            Some(sent.last_line(sent.count() - dropped, reason))
        })
    }))
}

/// What the last line says after each page that was sent. There is one for a hundred events.
#[derive(Debug, Clone, Default)]
struct SentPages(Arc<Mutex<Vec<LastLine>>>);

impl SentPages {
    fn push(&self, after: LastLine) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(after);
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The last line after this number of pages.
    fn last_line(&self, pages: usize, reason: Option<Reason>) -> Bytes {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = sent[..pages.min(sent.len())].last().cloned().unwrap_or_default();
        line(&LastLine { complete: reason.is_none(), reason, ..after }).into()
    }
}

/// Sends every event, page after page.
///
/// # Errors
///
/// Why not every event is sent.
async fn send_all(
    limits: Limits,
    app: &App,
    filter: &AuditEventFilter,
    (parts, sent): (&mpsc::Sender<Bytes>, &SentPages),
) -> Result<(), Reason> {
    let mut after = LastLine::default();
    loop {
        let page = match read(app, filter, after.next.as_deref(), limits.page).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "an export of the audit log is not complete");
                return Err(Reason::ReadFailed);
            }
        };
        let lines = page.items.iter().fold(String::new(), |lines, event| lines + &line(event));
        let events = after.events + page.items.len();
        after = LastLine { events, next: page.next, ..LastLine::default() };
        let place = reserve_within(limits.send_timeout, parts).await;
        let place = place.map_err(|NotRead| Reason::ClientTooSlow)?;
        // Together: the last line counts what is sent, also if this is interrupted.
        sent.push(after.clone());
        place.send(lines.into());
        if after.next.is_none() {
            return Ok(());
        }
        if after.events >= limits.events {
            return Err(Reason::Limit);
        }
    }
}

async fn read(
    app: &App,
    filter: &AuditEventFilter,
    after: Option<&str>,
    limit: u32,
) -> Result<ListResponse<AuditEventView>, OperationError> {
    audit_log::list(app, filter, Pagination::new(after, limit)?).await
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers always serialize") + "\n"
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests;
