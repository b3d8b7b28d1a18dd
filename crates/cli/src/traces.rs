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
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::Metadata;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};

use crate::collector::Collector;

/// Where traces go; the first that is set holds.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How long the end of the process waits for the last spans to be sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where spans go, if anywhere.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    provider: Option<SdkTracerProvider>,
    fault: Option<String>,
}

impl Traces {
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

/// What takes spans and sends them. The URL is never told: it may hold a password.
fn provider(name: &str, url: &str, runtime: &Handle) -> Result<SdkTracerProvider, String> {
    if !url.starts_with("http://") {
        return Err(format!(
            "{name} is no http:// URL; a collector beside the server may speak TLS to others"
        ));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new(runtime))
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build())
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
