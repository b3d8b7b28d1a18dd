//! In the place of traces, in a build that sends none.

use std::env;

use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry};

/// Where traces would go.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// No traces.
#[derive(Debug, Default)]
pub(crate) struct TraceExport {
    asked: Option<&'static str>,
}

impl TraceExport {
    /// Begins nothing.
    pub(crate) fn start(_: &Handle) -> Self {
        Self {
            asked: ENDPOINTS
                .into_iter()
                .find(|name| env::var_os(name).is_some_and(|value| !value.is_empty())),
        }
    }

    /// Nothing listens to spans.
    pub(crate) fn layer(&self) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
        None
    }

    /// Tells in the log whoever asked for traces that there will be none.
    pub(crate) fn complain(&self) {
        if let Some(variable) = self.asked {
            tracing::warn!(variable, "no traces are sent: this program was built without the feature `otel`");
        }
    }

    /// There is nothing left to send.
    pub(crate) fn end(&self) {}
}
