//! Sends audit events as JSON lines, page after page, until all are sent or the credential of the administrator ends.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::app::App;
use crate::limits::open_streams::TooManyStreams;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::admin::live::{Viewer, credential_end};
use crate::operations::error::OperationError;
use crate::operations::pagination::Pagination;
use crate::runtime::stream_body::StreamBody;

/// The most events of an export. A larger log is exported in parts, by their times.
const MAX_EVENTS: usize = 1_000_000;

/// How many events are read at a time.
const PAGE: u32 = 1_000;

/// Starts an export, which counts as a stream of the viewer. The newest event is the first line. If it does not reach the
/// oldest event, the last line is `{"next": …}` with the `after` from which `GET /v1/admin/events` continues.
///
/// # Errors
///
/// If the viewer or this process has as many streams as it may have.
pub(crate) fn open(
    app: &App,
    viewer: Viewer,
    filter: AuditEventFilter,
) -> Result<StreamBody, TooManyStreams> {
    let open = app.parts.live.open(viewer.owner)?;
    let (parts, body) = StreamBody::new();
    let app = app.clone();
    tokio::spawn(async move {
        let _open = open;
        tokio::select! {
            biased;
            _ = credential_end(viewer.ended) => {}
            sent = send_all(&app, &filter, &parts) => {
                if let Err(error) = sent {
                    tracing::warn!(%error, "an export of the audit log is not complete");
                }
            }
        }
    });
    Ok(body)
}

async fn send_all(
    app: &App,
    filter: &AuditEventFilter,
    parts: &mpsc::Sender<Bytes>,
) -> Result<(), OperationError> {
    let (mut after, mut sent): (Option<String>, usize) = (None, 0);
    loop {
        let page = audit_log::list(app, filter, Pagination::new(after.as_deref(), PAGE)?).await?;
        sent += page.items.len();
        let is_over = sent >= MAX_EVENTS || page.next.is_none();
        let mut lines = page.items.iter().fold(String::new(), |lines, event| lines + &line(event));
        if is_over && let Some(next) = &page.next {
            lines += &line(&serde_json::json!({ "next": next }));
        }
        // A client that is gone needs no more lines.
        if parts.send(lines.into()).await.is_err() || is_over {
            return Ok(());
        }
        after = page.next;
    }
}

fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers always serialize") + "\n"
}
