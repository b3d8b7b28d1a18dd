//! Exports traces of requests by OTLP over HTTP, if the environment sets a collector.
//!
//! No request waits for the export: spans are put in a bounded queue, a separate thread sends them every few seconds,
//! and spans that exceed the queue are dropped. The variables are those of OpenTelemetry, so that all services of a
//! deployment can share one configuration; an invalid one does not prevent the start.

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

/// The variables with the URL of the collector; the first one that is set applies.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The most spans in the queue, whatever the environment sets.
const MAX_QUEUE_SIZE: usize = 65_536;

/// How long the process waits at its end for the last spans to be sent.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The export of traces, if it is configured.
#[derive(Debug, Default)]
pub(crate) struct TraceExport {
    provider: Option<SdkTracerProvider>,
    start_error: Option<String>,
}

impl TraceExport {
    /// Starts the export on `runtime` if the environment sets a collector. An error is kept until logging has
    /// started.
    pub(crate) fn start(runtime: &Handle) -> Self {
        match endpoint().map(|(name, url)| provider(name, &url, runtime)) {
            None => Self::default(),
            Some(Ok(provider)) => Self { provider: Some(provider), start_error: None },
            Some(Err(error)) => Self { provider: None, start_error: Some(error) },
        }
    }

    /// The layer that receives spans. It does not depend on the log level.
    pub(crate) fn layer(&self) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
        let tracer = self.provider.as_ref()?.tracer("counterfoil");
        let layer = OpenTelemetryLayer::new(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(filter_fn(is_own_span)).boxed())
    }

    /// Logs why no traces are sent although a collector is set.
    pub(crate) fn log_start_error(&self) {
        if let Some(error) = &self.start_error {
            tracing::warn!(error, "no traces are sent");
        }
    }

    /// Sends the remaining spans. Blocks for at most [`SHUTDOWN_TIMEOUT`], and needs the runtime.
    pub(crate) fn shut_down(&self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// The variable that sets the collector, and its value.
fn endpoint() -> Option<(&'static str, String)> {
    let is_off = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let value_of = |name| env::var(name).ok().filter(|url| !url.is_empty()).map(|url| (name, url));
    if is_off { None } else { ENDPOINTS.into_iter().find_map(value_of) }
}

/// The provider that collects spans and sends them. An error contains neither the URL nor a library's message about it,
/// because the URL may contain a password.
fn provider(name: &str, url: &str, runtime: &Handle) -> Result<SdkTracerProvider, String> {
    if let Some(error) = url_error(url) {
        return Err(format!("{name} {error}"));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(OtlpClient::new(runtime))
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|_| format!("{name} or another OTEL_EXPORTER_OTLP_ variable is invalid"))?;
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batch_config()).build();
    Ok(SdkTracerProvider::builder().with_resource(resource()).with_span_processor(processor).build())
}

/// Why spans cannot be sent to this URL, without repeating it.
fn url_error(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("http://") else {
        return Some("must be an http:// URL; a collector on this machine can forward spans by TLS");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Libraries show such a URL in their errors.
    authority
        .contains('@')
        .then_some("must not contain a user; set credentials in OTEL_EXPORTER_OTLP_HEADERS")
}

/// The size of the queue and of a batch, from the environment within bounds: the memory is allocated at the start, and
/// for the largest number that would fail.
fn batch_config() -> BatchConfig {
    let value_of = |name, default| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let bounded = |name, default| usize::clamp(value_of(name, default), 1, MAX_QUEUE_SIZE);
    BatchConfigBuilder::default()
        .with_max_queue_size(bounded(OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_QUEUE_SIZE_DEFAULT))
        .with_max_export_batch_size(bounded(
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE_DEFAULT,
        ))
        .build()
}

/// The service that sends the spans: `counterfoil`, if the environment sets no other name.
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

/// Selects the spans of this program, without log events and without spans of libraries.
fn is_own_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("counterfoil::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_must_be_http_without_a_user() {
        for good in ["http://127.0.0.1:4318", "http://[::1]:4318/v1/traces", "http://x/a@b?c@d", "http://x?@"]
        {
            assert_eq!(url_error(good), None, "{good}");
        }
        for (bad, word) in [
            ("https://x", "http://"),
            ("otel:hunter2@x", "http://"),
            ("http://otel:hunter2@x", "_HEADERS"),
            ("http://hunter2@x:4318/v1/traces", "_HEADERS"),
            ("http://@", "_HEADERS"),
        ] {
            let error = url_error(bad).unwrap();
            assert!(error.contains(word) && !error.contains("hunter2"), "{bad}: {error}");
        }
    }
}
