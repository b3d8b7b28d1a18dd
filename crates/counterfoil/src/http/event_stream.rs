//! The headers of a response with server-sent events, and the one by which a client continues.

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};

use counterfoil_core::store::AuditEventNumber;

use crate::http::error::AppError;

/// The media type, and a request to proxies not to collect events.
pub(crate) const EVENT_STREAM_HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// The id of the last event that the client has, if it has one.
///
/// # Errors
///
/// If it is no number.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<AuditEventNumber>, AppError> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let number = id.to_str().ok().and_then(|id| id.parse().ok());
    let invalid = || AppError::field("Last-Event-ID", "must be the `id` of an event of this stream");
    number.ok_or_else(invalid).map(Some)
}
