//! The OpenTelemetry span of a request (semantic conventions for HTTP servers), and the trace that it belongs
//! to.
//!
//! A span has no path, query, header, IP or user. Without a subscriber for spans this does nothing.

use axum::extract::Request;
use axum::response::Response;
use http::HeaderName;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use counterfoil_verify::FailureReason;

use crate::app::App;
use crate::counters::Route;
use crate::http::request_log::{RequestStarted, is_from_trusted_proxy, single_header};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The span of a request in progress. If it is dropped before the response, the span ends without a status.
#[derive(Debug)]
pub(crate) struct RequestSpan {
    /// Keeps the span open until the response is known.
    _span: Span,
    context: Context,
}

impl RequestSpan {
    /// Makes `span` part of the trace of a trusted proxy, if there is one, and names it by method and route.
    pub(crate) fn start(
        span: &Span,
        app: &App,
        request: &Request,
        started: &RequestStarted,
        route: &Route,
    ) -> Self {
        if let Some(parent) = parent(app, request) {
            // It fails without a subscriber for spans.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        let context = span.context();
        if context.span().is_recording() {
            context.span().update_name(format!("{} {}", started.method, route.path));
            context.span().set_attributes([
                KeyValue::new("http.request.method", started.method),
                KeyValue::new("http.route", route.path.clone()),
            ]);
        }
        Self { _span: span.clone(), context }
    }

    /// Records the status of the response. Only 5xx is an error.
    pub(crate) fn finish(self, response: &Response) {
        let (span, status) = (self.context.span(), response.status());
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            let code = response.extensions().get().map(FailureReason::code).unwrap_or_default();
            span.set_status(Status::error(code.to_owned()));
        }
    }
}

/// The parent span that a trusted proxy has sent. Other clients could add spans to traces that are not
/// theirs.
fn parent(app: &App, request: &Request) -> Option<SpanContext> {
    if is_from_trusted_proxy(app, request) { parse(single_header(request, &TRACEPARENT)?) } else { None }
}

/// Parses a `traceparent` (W3C Trace Context, sections 3.2 and 4.3). Of a later version, only the fields of
/// version 00 are read. `tracestate` is ignored, because no trace is passed on.
fn parse(text: &str) -> Option<SpanContext> {
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

/// The text, if it has this length and only lower-case hexadecimal digits.
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
    fn a_valid_parent_is_parsed() {
        let parent = parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();

        assert_eq!(
            (parent.trace_id().to_string().as_str(), parent.span_id().to_string().as_str()),
            (TRACE, SPAN)
        );
        assert!(parent.is_sampled() && parent.is_remote());
    }

    #[test]
    fn only_the_sampled_flag_is_kept() {
        assert!(!parse(&format!("00-{TRACE}-{SPAN}-00")).unwrap().is_sampled());
        assert_eq!(parse(&format!("00-{TRACE}-{SPAN}-ff")).unwrap().trace_flags(), TraceFlags::SAMPLED);
    }

    #[test]
    fn later_versions_may_have_more_fields() {
        assert!(parse(&format!("01-{TRACE}-{SPAN}-01-future")).is_some());
        assert!(parse(&format!("01-{TRACE}-{SPAN}-01")).is_some());
    }

    #[test]
    fn invalid_values_are_ignored() {
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
            assert!(parse(&text).is_none(), "{text:?}");
        }
    }
}
