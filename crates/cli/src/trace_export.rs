//! Traces of requests, sent by OTLP over HTTP where the environment names a collector.
//!
//! Nothing waits for them: a span goes into a queue of bounded length, a thread of its own sends what is there every few
//! seconds, and what does not fit is dropped. The variables are those of OpenTelemetry, so that a fleet is set up at
//! one place; none of them keeps the server from starting.

use std::env;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{
    BatchConfig, BatchConfigBuilder, BatchSpanProcessor, OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE_DEFAULT, OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_QUEUE_SIZE_DEFAULT,
    SdkTracerProvider,
};
use tokio::runtime::Handle;
use tracing::Metadata;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};

use crate::otlp_client::OtlpClient;

/// Where traces go; the first that is set holds.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The most spans that may wait, whatever the environment says.
const LONGEST_QUEUE: usize = 65_536;

/// How long the end of the process waits for the last spans to be sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where spans go, if anywhere.
#[derive(Debug, Default)]
pub(crate) struct TraceExport {
    provider: Option<SdkTracerProvider>,
    fault: Option<String>,
}

impl TraceExport {
    /// Begins to send spans, from `runtime`, if the environment asks for that. What is wrong with what it asks for is
    /// kept for the log, which begins later.
    pub(crate) fn start(runtime: &Handle) -> Self {
        match endpoint().map(|(name, url)| provider(name, &url, runtime)) {
            None => Self::default(),
            Some(Ok(provider)) => Self { provider: Some(provider), fault: None },
            Some(Err(fault)) => Self { provider: None, fault: Some(fault) },
        }
    }

    /// What listens to spans for it. The levels of the log do not concern it.
    pub(crate) fn layer(&self) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
        let tracer = self.provider.as_ref()?.tracer("counterfoil");
        let layer = OpenTelemetryLayer::new(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(filter_fn(is_ours)).boxed())
    }

    /// Tells in the log why there are no traces, if they were asked for.
    pub(crate) fn complain(&self) {
        if let Some(fault) = &self.fault {
            tracing::warn!(fault, "no traces are sent");
        }
    }

    /// Sends what is left. It blocks, for three seconds at most, and needs the runtime.
    pub(crate) fn end(&self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown_with_timeout(FAREWELL)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// The variable that names a collector, and what it says.
fn endpoint() -> Option<(&'static str, String)> {
    let is_off = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let said = |name| env::var(name).ok().filter(|url| !url.is_empty()).map(|url| (name, url));
    if is_off { None } else { ENDPOINTS.into_iter().find_map(said) }
}

/// What takes spans and sends them. The URL is never told, nor what a library says of it: it may hold a password.
fn provider(name: &str, url: &str, runtime: &Handle) -> Result<SdkTracerProvider, String> {
    if let Some(fault) = fault_of(url) {
        return Err(format!("{name} {fault}"));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(OtlpClient::new(runtime))
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|_| format!("{name}, or another of the OTEL_EXPORTER_OTLP_ variables, cannot be read"))?;
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches()).build();
    Ok(SdkTracerProvider::builder().with_resource(resource()).with_span_processor(batches).build())
}

/// Why this is no URL that spans are sent to, as far as one may say it.
fn fault_of(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("http://") else {
        return Some("is no http:// URL; a collector beside the server may speak TLS to others");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Whoever sends such a URL on, or fails to, shows it.
    authority.contains('@').then_some("names a user; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
}

/// How many spans may wait, and how many are sent at a time, as the environment says within bounds: room for them is
/// taken at once, and there is none for the largest number.
fn batches() -> BatchConfig {
    let said = |name, usual| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let bounded = |name, usual| usize::clamp(said(name, usual), 1, LONGEST_QUEUE);
    BatchConfigBuilder::default()
        .with_max_queue_size(bounded(OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_QUEUE_SIZE_DEFAULT))
        .with_max_export_batch_size(bounded(
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE_DEFAULT,
        ))
        .build()
}

/// Who sends: this program, unless the environment calls it something else.
fn resource() -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name("counterfoil")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => resource.with_service_name(name).build(),
        Ok(_) | Err(_) => resource.build(),
    }
}

/// Our own spans, without the lines of the log in them and without what libraries say of themselves.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("counterfoil::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_plain_http_and_names_nobody() {
        for good in ["http://127.0.0.1:4318", "http://[::1]:4318/v1/traces", "http://x/a@b?c@d", "http://x?@"]
        {
            assert_eq!(fault_of(good), None, "{good}");
        }
        for (bad, word) in [
            ("https://x", "http://"),
            ("otel:hunter2@x", "http://"),
            ("http://otel:hunter2@x", "_HEADERS"),
            ("http://hunter2@x:4318/v1/traces", "_HEADERS"),
            ("http://@", "_HEADERS"),
        ] {
            let fault = fault_of(bad).unwrap();
            assert!(fault.contains(word) && !fault.contains("hunter2"), "{bad}: {fault}");
        }
    }
}
