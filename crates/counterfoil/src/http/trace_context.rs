//! What a trace tells of a request (OpenTelemetry's conventions for HTTP servers), and into which trace it belongs.
//!
//! A span holds what the line of the log holds at most, and less: neither path nor query, no header, no address, nobody's
//! name. Where nothing listens to spans this does nothing.

use axum::extract::Request;
use axum::response::Response;
use http::HeaderName;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use counterfoil_verify::AuthError;

use crate::app::App;
use crate::counters::Route;
use crate::http::request_log::{Arrived, is_through_proxy, sole};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The span of a request that is being answered. Dropped before the answer, it ends without a status.
#[derive(Debug)]
pub(crate) struct Traced {
    /// Keeps the span open until the answer is known.
    _open: Span,
    context: Context,
}

impl Traced {
    /// Makes `span` part of the trace that a trusted proxy has begun, if one has, and names it by method and route.
    pub(crate) fn begin(span: &Span, app: &App, request: &Request, arrived: &Arrived, route: &Route) -> Self {
        if let Some(parent) = parent(app, request) {
            // It fails where nobody listens to spans.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        let context = span.context();
        if context.span().is_recording() {
            context.span().update_name(format!("{} {}", arrived.method, route.path));
            context.span().set_attributes([
                KeyValue::new("http.request.method", arrived.method),
                KeyValue::new("http.route", route.path),
            ]);
        }
        Self { _open: span.clone(), context }
    }

    /// Writes down how it was answered. Only a failure of ours is an error.
    pub(crate) fn answered(self, answer: &Response) {
        let (span, status) = (self.context.span(), answer.status());
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            let code = answer.extensions().get::<AuthError>().map(AuthError::code);
            span.set_status(Status::error(code.unwrap_or_default()));
        }
    }
}

/// The span that a trusted proxy has put around the request. Anybody else could write into another's trace.
fn parent(app: &App, request: &Request) -> Option<SpanContext> {
    if is_through_proxy(app, request) { read(sole(request, &TRACEPARENT)?) } else { None }
}

/// Reads a `traceparent` (W3C Trace Context, sections 3.2 and 4.3): of a version after 00 the parts that 00 has. Its
/// companion `tracestate` is left alone, as we hand it to nobody.
fn read(text: &str) -> Option<SpanContext> {
    let mut parts = text.splitn(5, '-');
    let version = hex(parts.next()?, 2)?;
    let (trace, span) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
    let flags = u8::from_str_radix(hex(parts.next()?, 2)?, 16).ok()?;
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    Some(SpanContext::new(trace, span, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

/// The text, if it is so many digits of lower-case hex.
fn hex(text: &str, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(is_digit)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_whole_parent_is_read() {
        let read = read(&format!("00-{TRACE}-{SPAN}-01")).unwrap();

        assert_eq!(
            (read.trace_id().to_string().as_str(), read.span_id().to_string().as_str()),
            (TRACE, SPAN)
        );
        assert!(read.is_sampled() && read.is_remote());
    }

    #[test]
    fn of_the_flags_only_sampling_is_known() {
        assert!(!read(&format!("00-{TRACE}-{SPAN}-00")).unwrap().is_sampled());
        assert_eq!(read(&format!("00-{TRACE}-{SPAN}-ff")).unwrap().trace_flags(), TraceFlags::SAMPLED);
    }

    #[test]
    fn later_versions_may_have_more_parts() {
        assert!(read(&format!("01-{TRACE}-{SPAN}-01-what-comes")).is_some());
        assert!(read(&format!("01-{TRACE}-{SPAN}-01")).is_some());
    }

    #[test]
    fn anything_else_is_none() {
        let (upper, zeros) = (TRACE.to_uppercase(), "0".repeat(32));
        let bad = [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!("00-{upper}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{SPAN}-{TRACE}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("+0-{TRACE}-{SPAN}-01"),
        ];
        for text in bad {
            assert!(read(&text).is_none(), "{text:?}");
        }
    }
}
